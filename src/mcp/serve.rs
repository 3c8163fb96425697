//! The connection: lines in, lines out, and a thread for each call.

use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::call::{self, Call};
use super::child::Cancel;
use super::protocol::{self, Conversation, INVALID_REQUEST, Incoming, Reply};
use super::server::McpServer;
use super::tools;
use crate::event::Lines;
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;

/// The longest message, in bytes. The arguments of a call are short.
const LONGEST_MESSAGE: usize = 1024 * 1024;
/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Calls at a time. Each has a thread, and most of them a process.
const CALLS: usize = 64;

/// How long calls may still take after the end of standard input: what is known already is answered.
const LAST_MOMENT: Duration = Duration::from_millis(60);

/// The calls that are being carried out, by the ids of their requests.
#[derive(Debug, Default)]
struct Calls {
    running: Mutex<Vec<(Value, Arc<Cancel>)>>,
    ended: Condvar,
}

/// Serves until the end of standard input, or until nobody reads the answers. Calls that are not through then are
/// left; services run on.
pub fn serve(invocation: &Invocation) -> Result<Exit, Failure> {
    let server = Arc::new(McpServer::new(invocation)?);
    let calls = Arc::new(Calls::default());
    let outcome = answer_all(&server, &calls);
    if outcome.is_ok() {
        let running = calls.lock();
        let _ended = calls.ended.wait_timeout_while(running, LAST_MOMENT, |running| !running.is_empty());
    }
    // Their processes must not outlive this one.
    for (_, call) in calls.lock().drain(..) {
        call.cancel();
    }
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(Exit::Code(0)),
    }
}

fn answer_all(server: &Arc<McpServer>, calls: &Arc<Calls>) -> io::Result<()> {
    let mut conversation = Conversation::default();
    let (mut input, mut buffer, mut lines) =
        (io::stdin().lock(), vec![0; CHUNK], Lines::new(LONGEST_MESSAGE));
    loop {
        let count = match input.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome?,
        };
        // The last line may lack its end.
        lines.push(if count == 0 { b"\n" } else { &buffer[..count] });
        loop {
            let incoming = match lines.next_line() {
                Ok(Some(line)) => conversation.read(&line, tools::list),
                Ok(None) => break,
                Err(_) => {
                    let why = format!("the message is longer than {LONGEST_MESSAGE} bytes");
                    vec![Incoming::Answer(protocol::error(None, INVALID_REQUEST, &why))]
                }
            };
            for one in incoming {
                act(server, calls, one)?;
            }
        }
        if count == 0 {
            return Ok(());
        }
    }
}

fn act(server: &Arc<McpServer>, calls: &Arc<Calls>, incoming: Incoming) -> io::Result<()> {
    match incoming {
        Incoming::Nothing => {}
        Incoming::Answer(line) => send(&line)?,
        Incoming::Cancel(id) => {
            if let Some(call) = calls.remove(&id) {
                call.cancel();
            }
        }
        Incoming::Call { reply, name, arguments } => match tools::read(&name, arguments) {
            Err(bad) => send(&bad.answer(&reply))?,
            Ok((tool, arguments)) => start(server, calls, &reply, Call { tool, arguments })?,
        },
    }
    Ok(())
}

fn start(server: &Arc<McpServer>, calls: &Arc<Calls>, reply: &Reply, call: Call) -> io::Result<()> {
    let cancel = Arc::new(Cancel::default());
    let is_new = {
        let mut running = calls.lock();
        let is_new = running.len() < CALLS && !running.iter().any(|(id, _)| *id == reply.id);
        if is_new {
            running.push((reply.id.clone(), Arc::clone(&cancel)));
        }
        is_new
    };
    let refusal = |why: &str| protocol::error(Some(&reply.id), INVALID_REQUEST, why);
    if !is_new {
        send(&refusal("a request with this id is being answered, or too many are"))?;
        return Ok(());
    }
    let (server, running, its_reply) = (Arc::clone(server), Arc::clone(calls), reply.clone());
    let work = move || {
        let result = call::carry_out(&server, &call, &cancel);
        // A cancelled request is not answered.
        if running.lock().iter().any(|(id, _)| *id == its_reply.id) {
            let _closed = send(&its_reply.result(result));
        }
        running.remove(&its_reply.id);
        running.ended.notify_all();
    };
    if thread::Builder::new().spawn(work).is_err() {
        calls.remove(&reply.id);
        send(&refusal("the system has no more threads"))?;
    }
    Ok(())
}

/// Writes one line, whole.
fn send(line: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

impl Calls {
    fn remove(&self, id: &Value) -> Option<Arc<Cancel>> {
        let mut running = self.lock();
        let place = running.iter().position(|(its, _)| its == id)?;
        Some(running.swap_remove(place).1)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Value, Arc<Cancel>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
