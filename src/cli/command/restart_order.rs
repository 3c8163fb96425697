//! Several services that are restarted together: what needs others of them comes after those are ready again.

use crate::client::actions::Restarted;
use crate::client::fan_out;
use crate::exit_code::NOT_READY;
use crate::invocation::Failure;
use crate::port::Reservation;

type Outcome = Result<Restarted, Failure>;

/// Acts on each service once those of them that it needs are through, side by side where none needs the other. One
/// whose need has failed goes on as it is.
pub fn in_order(all: &[Reservation], act: impl Fn(usize, &Reservation) -> Outcome + Sync) -> Vec<Outcome> {
    let needs = needs(all);
    let mut outcomes: Vec<Option<Outcome>> = all.iter().map(|_| None).collect();
    loop {
        let is_due = |&index: &usize| {
            outcomes[index].is_none() && needs[index].iter().all(|&need| outcomes[need].is_some())
        };
        let due: Vec<usize> = (0..all.len()).filter(is_due).collect();
        if due.is_empty() {
            return outcomes.into_iter().flatten().collect();
        }
        let has_failed = |need: &&usize| matches!(outcomes[**need], Some(Err(_)));
        let failed =
            |index: usize| needs[index].iter().find(has_failed).map(|&need| after(&all[index], &all[need]));
        let results =
            fan_out::at_once(&due, |&index| failed(index).unwrap_or_else(|| act(index, &all[index])));
        for (index, result) in due.into_iter().zip(results) {
            outcomes[index] = Some(result);
        }
    }
}

fn after(one: &Reservation, need: &Reservation) -> Outcome {
    let message = format!("`{}` was not restarted: its need `{}` is not ready", one.name, need.name);
    Err(Failure::new(NOT_READY, message, None))
}

/// For each service, the others that its supervisor has it wait for.
fn needs(all: &[Reservation]) -> Vec<Vec<usize>> {
    if all.len() < 2 {
        return vec![Vec::new(); all.len()];
    }
    let statuses = fan_out::statuses(all);
    let status = |one: &Reservation| {
        statuses
            .iter()
            .find(|status| status.project_id == one.project && status.session == one.session.as_str())
    };
    let wanted_by: Vec<&[String]> =
        all.iter().map(|one| status(one).map_or(&[][..], |status| &status.wanted_by)).collect();
    let is_need = |one: &Reservation, need: usize| {
        all[need].session == one.session && wanted_by[need].contains(&one.name)
    };
    all.iter().map(|one| (0..all.len()).filter(|&need| is_need(one, need)).collect()).collect()
}
