//! Every graph of four services, and every order of what can happen to them.

use std::collections::HashSet;

use super::{Blocked, Cycle, Graph, Phase, Turn, reachable};

const COUNT: usize = 4;

/// The number of graphs without a circle on four numbered services.
const GRAPHS: usize = 543;

type Phases = [Phase; COUNT];

/// Every pair of two services.
fn pairs() -> Vec<(usize, usize)> {
    let all = (0..COUNT).flat_map(|service| (0..COUNT).map(move |need| (service, need)));
    all.filter(|(service, need)| service != need).collect()
}

/// Every set of edges.
fn edge_sets() -> impl Iterator<Item = Vec<(usize, usize)>> {
    let pairs = pairs();
    let chosen = move |set: usize| {
        let is_in = |at: &usize| set & (1 << at) != 0;
        (0..pairs.len()).filter(is_in).map(|at| pairs[at]).collect()
    };
    (0..1 << (COUNT * (COUNT - 1))).map(chosen)
}

fn graphs() -> Vec<Graph> {
    let graphs: Vec<Graph> = edge_sets().filter_map(|edges| Graph::new(COUNT, &edges).ok()).collect();
    assert_eq!(graphs.len(), GRAPHS);
    graphs
}

/// The services that `service` needs, directly or not, as long as these were not started either.
fn causes(graph: &Graph, phases: Phases, service: usize) -> HashSet<usize> {
    let mut causes = HashSet::new();
    let mut open = vec![service];
    while let Some(next) = open.pop() {
        for need in graph.needs_of(next) {
            match phases[need] {
                Phase::Ended => _ = causes.insert(need),
                Phase::Waiting => open.push(need),
                Phase::Starting | Phase::Ready => {}
            }
        }
    }
    causes
}

/// Checks what the graph says about these phases, and returns who may start.
fn check(graph: &Graph, phases: Phases) -> Vec<usize> {
    let turns = graph.turns(&phases);
    for (service, turn) in turns.iter().enumerate() {
        let unready: Vec<usize> =
            graph.needs_of(service).filter(|&need| phases[need] != Phase::Ready).collect();
        let causes = causes(graph, phases, service);
        match turn {
            _ if phases[service] != Phase::Waiting => assert_eq!(*turn, Turn::Started),
            Turn::Started => panic!("{service} was not started: {graph:?} {phases:?}"),
            Turn::Free => assert!(unready.is_empty(), "{service} is too early: {graph:?} {phases:?}"),
            Turn::Waits(needs) => {
                assert!(!needs.is_empty() && causes.is_empty(), "{service}: {graph:?} {phases:?}");
                assert_eq!(*needs, unready);
            }
            Turn::Blocked(blocked) => {
                assert!(!causes.is_empty() && !blocked.by.is_empty(), "{service}: {graph:?} {phases:?}");
                assert_eq!(blocked.causes.iter().copied().collect::<HashSet<_>>(), causes);
                assert!(blocked.by.iter().all(|need| unready.contains(need)));
            }
        }
        if phases[service] == Phase::Waiting && unready.is_empty() {
            assert_eq!(*turn, Turn::Free, "{service} could start: {graph:?} {phases:?}");
        }
    }
    // Nothing waits for ever: if nothing is on its way and nothing can start, whatever is left is blocked.
    let is_free = |turn: &Turn| *turn == Turn::Free;
    if !phases.contains(&Phase::Starting) && !turns.iter().any(is_free) {
        let waits = |turn: &Turn| matches!(turn, Turn::Waits(_));
        assert!(!turns.iter().any(waits), "{graph:?} {phases:?}");
    }
    (0..COUNT).filter(|&service| turns[service] == Turn::Free).collect()
}

/// The phases after everything that may start was started, one after the other.
fn started(graph: &Graph, mut phases: Phases) -> Phases {
    for service in check(graph, phases) {
        phases[service] = Phase::Starting;
        check(graph, phases);
    }
    phases
}

/// Whatever can happen to a service: it becomes ready or done; it ends for good, as a failure or stopped, even
/// before it was started; it is started again, by its policy or by somebody.
fn next(phase: Phase) -> &'static [Phase] {
    match phase {
        Phase::Waiting => &[Phase::Ended],
        Phase::Starting => &[Phase::Ready, Phase::Ended],
        Phase::Ready => &[Phase::Starting, Phase::Ended],
        Phase::Ended => &[Phase::Waiting],
    }
}

/// Everything becomes ready once what has ended is started again and nothing fails any more.
fn assert_recovers(graph: &Graph, phases: Phases) {
    let mut phases = phases.map(|phase| if phase == Phase::Ended { Phase::Waiting } else { phase });
    for _ in 0..=COUNT {
        phases = started(graph, phases);
        phases = phases.map(|phase| if phase == Phase::Starting { Phase::Ready } else { phase });
    }
    assert_eq!(phases, [Phase::Ready; COUNT], "{graph:?}");
}

#[test]
fn every_graph_of_four_services_starts_in_order_whatever_happens() {
    let mut states = 0;
    for graph in graphs() {
        let mut open = vec![started(&graph, [Phase::Waiting; COUNT])];
        let mut seen: HashSet<Phases> = open.iter().copied().collect();
        while let Some(phases) = open.pop() {
            states += 1;
            assert_recovers(&graph, phases);
            for service in 0..COUNT {
                for &phase in next(phases[service]) {
                    let mut after = phases;
                    after[service] = phase;
                    let after = started(&graph, after);
                    if seen.insert(after) {
                        open.push(after);
                    }
                }
            }
        }
    }
    assert!(states > 10 * GRAPHS, "{states}");
}

/// Every order in which the services of a set can end, each only once it was asked to.
fn end_in_every_order(graph: &Graph, leaving: [bool; COUNT], asked: [bool; COUNT]) {
    let mut asked = asked;
    for service in graph.may_end(&leaving) {
        let above = (0..COUNT).filter(|&other| reachable(&graph.needs, other)[service]);
        for dependent in above {
            assert!(!leaving[dependent], "{service} before {dependent}: {graph:?} {leaving:?}");
        }
        asked[service] = true;
    }
    let left = leaving.contains(&true);
    let mut ends = (0..COUNT).filter(|&service| leaving[service] && asked[service]).peekable();
    assert_eq!(ends.peek().is_some(), left, "it does not go on: {graph:?} {leaving:?}");
    for service in ends {
        let mut rest = leaving;
        rest[service] = false;
        end_in_every_order(graph, rest, asked);
    }
}

#[test]
fn no_need_ends_before_what_needs_it_and_all_end() {
    for graph in graphs() {
        for set in 0..1 << COUNT {
            let leaving = std::array::from_fn(|service| set & (1 << service) != 0);
            end_in_every_order(&graph, leaving, [false; COUNT]);
        }
    }
}

#[test]
fn every_circle_is_named_and_only_circles_are_refused() {
    let mut refused = 0;
    for edges in edge_sets() {
        let Err(Cycle(path)) = Graph::new(COUNT, &edges) else { continue };
        refused += 1;
        assert!(path.len() > 1);
        assert_eq!(path.iter().collect::<HashSet<_>>().len(), path.len(), "{path:?} of {edges:?}");
        for (at, &service) in path.iter().enumerate() {
            let need = path[(at + 1) % path.len()];
            assert!(edges.contains(&(service, need)), "{path:?} of {edges:?}");
        }
    }
    assert_eq!(refused + GRAPHS, 1 << pairs().len());
    assert_eq!(Graph::new(2, &[(1, 1)]), Err(Cycle(vec![1])));
}

#[test]
fn implied_edges_are_left_out_exactly_where_they_are_part_of_a_circle() {
    for edges in edge_sets() {
        let graph = Graph::unordered(COUNT).with_implied(&edges);
        for &(service, need) in &edges {
            let mut needs = vec![std::collections::BTreeSet::new(); COUNT];
            for &(service, need) in &edges {
                needs[service].insert(need);
            }
            let is_circular = reachable(&needs, need)[service];
            assert_eq!(graph.needs[service].contains(&need), !is_circular, "{edges:?}");
        }
        assert_eq!(graph.sorted.len(), COUNT);
    }
    let asked = Graph::new(3, &[(0, 1)]).unwrap();
    let implied = asked.with_implied(&[(1, 0), (1, 2)]);
    assert_eq!(implied, Graph::new(3, &[(0, 1), (1, 2)]).unwrap(), "what is asked for stays");
}

#[test]
fn levels_are_as_low_as_can_be() {
    for graph in graphs() {
        let levels = graph.levels();
        assert_eq!(levels.concat().len(), COUNT);
        let level = |service| levels.iter().position(|level| level.contains(&service)).unwrap();
        for service in 0..COUNT {
            let lowest = graph.needs_of(service).map(|need| level(need) + 1).max().unwrap_or(0);
            assert_eq!(level(service), lowest, "{graph:?}");
        }
    }
}

#[test]
fn what_is_blocked_names_its_need_and_the_cause() {
    // web needs api and ui, api needs db.
    let [web, api, ui, db] = [0, 1, 2, 3];
    let graph = Graph::new(COUNT, &[(web, api), (web, ui), (api, db)]).unwrap();
    let turns = graph.turns(&[Phase::Waiting, Phase::Waiting, Phase::Starting, Phase::Ended]);
    assert_eq!(turns[api], Turn::Blocked(Blocked { by: vec![db], causes: vec![db] }));
    assert_eq!(turns[web], Turn::Blocked(Blocked { by: vec![api], causes: vec![db] }));
    assert_eq!(graph.dependents_of(db).collect::<Vec<_>>(), [api]);
    assert_eq!(graph.levels(), [vec![ui, db], vec![api], vec![web]]);
}
