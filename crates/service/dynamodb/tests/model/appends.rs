//! Whether a history of transactions that append to lists and read them is strictly serializable.
//!
//! As in Elle: every appended element is unique, so a read tells which appends came before it and
//! in which order. From that follow the dependencies between transactions: who overwrote whom
//! (ww), who read what of whom (wr), and who read what somebody then overwrote (rw). With the real
//! time order of those that did not overlap added, the history is strictly serializable exactly if
//! no transaction comes before itself.

use std::collections::{BTreeMap, HashMap};

use crate::graph::Graph;

/// A transaction and what is known of it.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// When it was begun and when it was answered, by a clock that all share.
    pub start: u64,
    pub end: u64,
    /// Whether it was answered with success; otherwise it must have done nothing.
    pub ok: bool,
    /// Elements appended, by list.
    pub appends: Vec<(String, i64)>,
    /// Lists as they were read, with its own appends if it read after them.
    pub reads: Vec<(String, Vec<i64>)>,
}

/// Checks a history.
///
/// # Errors
/// What is wrong with it.
pub fn check(history: &[Transaction]) -> Result<(), String> {
    let mut writers = HashMap::new();
    for (index, transaction) in history.iter().enumerate() {
        for (list, element) in &transaction.appends {
            assert!(writers.insert((list, *element), index).is_none(), "elements are unique");
        }
    }
    let orders = orders(history)?;
    for (list, order) in &orders {
        for element in order {
            match writers.get(&(list, *element)) {
                None => return Err(format!("{element} in {list} was never appended")),
                Some(writer) if !history[*writer].ok => {
                    return Err(format!("{element} in {list} is of {writer}, which was refused"));
                }
                Some(_) => {}
            }
        }
    }
    let mut graph = Graph::new(history.len());
    add_dependencies(&mut graph, history, &orders, &writers);
    add_real_time(&mut graph, history);
    let Some(cycle) = graph.cycle() else { return Ok(()) };
    let describe = |(node, why): &(usize, &str)| match history.get(*node) {
        Some(transaction) => format!("{node} {transaction:?}\n  {why}\n"),
        None => String::new(),
    };
    Err(format!("not serializable:\n{}", cycle.iter().map(describe).collect::<String>()))
}

/// The order of the elements of each list: the longest read, of which all others are beginnings.
fn orders(history: &[Transaction]) -> Result<BTreeMap<String, Vec<i64>>, String> {
    let mut orders: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let reads = || history.iter().filter(|one| one.ok).flat_map(|one| &one.reads);
    for (list, read) in reads() {
        let order = orders.entry(list.clone()).or_default();
        if read.len() > order.len() {
            order.clone_from(read);
        }
    }
    for (list, read) in reads() {
        if !orders[list].starts_with(read) {
            return Err(format!("{list} was read as {read:?} and as {:?}", orders[list]));
        }
    }
    for (list, order) in &orders {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != order.len() {
            return Err(format!("{list} has an element twice: {order:?}"));
        }
    }
    Ok(orders)
}

fn add_dependencies(
    graph: &mut Graph,
    history: &[Transaction],
    orders: &BTreeMap<String, Vec<i64>>,
    writers: &HashMap<(&String, i64), usize>,
) {
    for (list, order) in orders {
        for pair in order.windows(2) {
            let [before, after] = [0, 1].map(|at| writers[&(list, pair[at])]);
            graph.edge(before, after, "appended before (ww)");
        }
    }
    // Appends that nobody saw come after all that somebody saw.
    let mut unseen: HashMap<&String, Vec<usize>> = HashMap::new();
    for (index, transaction) in history.iter().enumerate().filter(|(_, one)| one.ok) {
        for (list, element) in &transaction.appends {
            if !orders.get(list).is_some_and(|order| order.contains(element)) {
                unseen.entry(list).or_default().push(index);
                let last = orders.get(list).and_then(|order| order.last());
                if let Some(last) = last {
                    graph.edge(writers[&(list, *last)], index, "appended before (ww)");
                }
            }
        }
    }
    for (index, transaction) in history.iter().enumerate().filter(|(_, one)| one.ok) {
        for (list, read) in &transaction.reads {
            let own = |element: &&i64| transaction.appends.contains(&(list.clone(), **element));
            // What it appended itself it read because of that.
            let others = read.len() - read.iter().rev().take_while(own).count();
            if let Some(last) = read[..others].last() {
                graph.edge(writers[&(list, *last)], index, "was read by (wr)");
            }
            match orders[list].get(read.len()) {
                Some(next) => graph.edge(index, writers[&(list, *next)], "read before (rw)"),
                None => {
                    for after in unseen.get(list).into_iter().flatten() {
                        graph.edge(index, *after, "read before (rw)");
                    }
                }
            }
        }
    }
}

/// Who was answered before another began comes before it. A chain of moments between them needs
/// few edges.
fn add_real_time(graph: &mut Graph, history: &[Transaction]) {
    let mut moments = Vec::new();
    for (index, transaction) in history.iter().enumerate().filter(|(_, one)| one.ok) {
        moments.push((transaction.start, false, index));
        moments.push((transaction.end, true, index));
    }
    moments.sort_unstable();
    let mut last = graph.node();
    for (_, is_end, index) in moments {
        if is_end {
            let moment = graph.node();
            graph.edge(last, moment, "");
            graph.edge(index, moment, "was answered before (real time)");
            last = moment;
        } else {
            graph.edge(last, index, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `"0-5 x+1 y+2 x:1 y:1,2"`: from 0 to 5, appends 1 to x and 2 to y, reads both; a `!` in
    /// front: refused.
    fn transaction(text: &str) -> Transaction {
        let (text, ok) = text.strip_prefix('!').map_or((text, true), |text| (text, false));
        let mut words = text.split(' ');
        let (start, end) = words.next().unwrap().split_once('-').unwrap();
        let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
        let mut transaction = Transaction { start, end, ok, ..Transaction::default() };
        for word in words {
            if let Some((list, element)) = word.split_once('+') {
                transaction.appends.push((list.into(), element.parse().unwrap()));
            } else if let Some((list, elements)) = word.split_once(':') {
                let elements = elements.split(',').filter(|element| !element.is_empty());
                let elements = elements.map(|element| element.parse().unwrap()).collect();
                transaction.reads.push((list.into(), elements));
            }
        }
        transaction
    }

    fn check_history(history: &[&str], problem: Option<&str>) {
        let history: Vec<_> = history.iter().map(|text| transaction(text)).collect();
        match (check(&history), problem) {
            (Ok(()), None) => {}
            (Err(found), Some(expected)) if found.contains(expected) => {}
            (found, _) => panic!("{found:?} instead of {problem:?}: {history:?}"),
        }
    }

    #[test]
    fn good_histories_pass() {
        check_history(&["0-1 x+1", "2-3 x+2 x:1,2", "4-5 x:1,2 y:"], None);
        // Overlapping ones may come in any order.
        check_history(&["0-9 x+1 y+1", "1-8 x+2 y+2", "10-11 x:2,1 y:2,1"], None);
        check_history(&["0-9 x:", "1-2 x+1", "3-4 x:1"], None);
        check_history(&["!0-1 x+1", "2-3 x:"], None);
        // Each reads before the other's append, but one of them as the first of all.
        check_history(&["0-9 x: y+1", "1-8 x+1", "10-11 x:1 y:1"], None);
    }

    #[test]
    fn bad_histories_are_found() {
        // An append that was acknowledged is lost.
        check_history(&["0-1 x+1", "2-3 x:"], Some("not serializable"));
        check_history(&["0-1 x+1", "2-3 x+2", "4-5 x:2"], Some("not serializable"));
        // Two updates read the same and both count.
        check_history(&["0-9 x+1 x:1", "1-8 x+2 x:2", "10-11 x:1"], Some("was read as"));
        // A read of what was refused.
        check_history(&["!0-1 x+1", "2-3 x:1"], Some("was refused"));
        check_history(&["2-3 x:1"], Some("never appended"));
        check_history(&["0-1 x+1", "2-3 x:1,1"], Some("twice"));
        // Write skew: each reads what the other appends to, before it does.
        check_history(&["0-9 x: y+1", "1-8 y: x+1", "10-11 x:1 y:1"], Some("not serializable"));
        // Half of a transaction is seen.
        check_history(&["0-9 x+1 y+1", "1-8 x:1 y:", "10-11 x:1 y:1"], Some("not serializable"));
        // Two readers see two transactions in different order.
        check_history(
            &["0-9 x+1", "0-9 y+1", "1-8 x:1 y:", "1-8 x: y:1", "10-11 x:1 y:1"],
            Some("not serializable"),
        );
        // Transactions in a different order on two lists.
        check_history(
            &["0-9 x+1 y+1", "1-8 x+2 y+2", "10-11 x:1,2 y:2,1"],
            Some("not serializable"),
        );
        // Serializable, but a read that began after an append was answered does not see it.
        check_history(&["0-1 x+1", "2-3 x:", "4-5 x:1"], Some("not serializable"));
        // A read sees what begins only later.
        check_history(&["0-1 x:1", "2-3 x+1"], Some("not serializable"));
        // Reads go back.
        check_history(&["0-9 x+1", "1-2 x:1", "3-4 x:"], Some("not serializable"));
    }
}
