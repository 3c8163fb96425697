//! What clients type into services. One client at a time has the keyboard of a service, until it hangs up.

use super::peer::Peer;
use super::protocol::{ControlRequest, Verb};
use super::server::{Server, who};
use crate::event::{Event, What};
use crate::process::terminal::Size;
use crate::supervise::{KeyboardKind, Typed};

impl Server {
    /// Takes what a client types. The first request of a connection for a service takes its keyboard, and is
    /// acknowledged; the others are not.
    pub(super) fn take_input(&mut self, peer: &mut Peer, services: &[usize], request: &ControlRequest) {
        let id = request.id.as_deref();
        let &[service] = services else { return peer.refuse(id, "input is for one service: name it") };
        let known = &mut self.services[service];
        let mut by = who(peer, request);
        match &known.typist {
            Some((number, who)) if *number == peer.number => by.clone_from(who),
            Some((_, other)) => return peer.refuse(id, format!("its keyboard is taken by {other}")),
            None => {
                if let Err(reason) = may_type(known.keyboard()) {
                    return peer.refuse(id, reason);
                }
                known.typist = Some((peer.number, by.clone()));
                let message = format!("Command {} accepted", Verb::Input);
                peer.send(&Event::now(known.project(), What::Ack { message }).answering(id));
            }
        }
        if let (Some(rows), Some(columns)) = (request.rows, request.columns) {
            self.typed.push((service, Typed::Resized(Size { rows, columns }), by.clone()));
        }
        if !request.data.is_empty() {
            self.typed.push((service, Typed::Keys(request.data.clone().into_bytes()), by));
        }
    }

    /// Frees the keyboards of clients that have gone.
    pub(super) fn release_keyboards(&mut self) {
        for (index, service) in self.services.iter_mut().enumerate() {
            let Some((number, who)) = &service.typist else { continue };
            if !self.peers.iter().any(|peer| peer.number == *number && peer.is_open) {
                self.typed.push((index, Typed::Left, who.clone()));
                service.typist = None;
            }
        }
    }
}

fn may_type(keyboard: KeyboardKind) -> Result<(), &'static str> {
    match keyboard {
        KeyboardKind::Keys | KeyboardKind::Lines => Ok(()),
        KeyboardKind::Taken => {
            Err("its keyboard is taken by the user of the terminal that it was started in")
        }
        KeyboardKind::None => Err("it reads the input of the bowline that runs it, or has ended"),
    }
}
