//! A directed graph and its cycles.

/// Nodes are numbers; an edge says why one comes before the other.
#[derive(Default)]
pub struct Graph {
    edges: Vec<Vec<(usize, &'static str)>>,
}

impl Graph {
    pub fn new(nodes: usize) -> Graph {
        Graph { edges: vec![Vec::new(); nodes] }
    }

    /// Adds a node and answers its number.
    pub fn node(&mut self) -> usize {
        self.edges.push(Vec::new());
        self.edges.len() - 1
    }

    pub fn edge(&mut self, from: usize, to: usize, why: &'static str) {
        if from != to {
            self.edges[from].push((to, why));
        }
    }

    /// Some cycle: its nodes and, after each, why the next one comes after it.
    pub fn cycle(&self) -> Option<Vec<(usize, &'static str)>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Not,
            OnPath,
            Done,
        }
        let mut seen = vec![Seen::Not; self.edges.len()];
        for root in 0..self.edges.len() {
            if seen[root] != Seen::Not {
                continue;
            }
            // The path, and which edge of each of its nodes was taken last.
            let mut path = vec![(root, 0)];
            seen[root] = Seen::OnPath;
            while let Some(&mut (node, ref mut next)) = path.last_mut() {
                let Some((to, _)) = self.edges[node].get(*next) else {
                    seen[node] = Seen::Done;
                    path.pop();
                    continue;
                };
                *next += 1;
                match seen[*to] {
                    Seen::Done => {}
                    Seen::Not => {
                        seen[*to] = Seen::OnPath;
                        path.push((*to, 0));
                    }
                    Seen::OnPath => {
                        let nodes = path.iter().skip_while(|(node, _)| node != to);
                        let with_why =
                            nodes.map(|(node, next)| (*node, self.edges[*node][*next - 1].1));
                        return Some(with_why.collect());
                    }
                }
            }
        }
        None
    }
}

#[test]
fn cycles_are_found() {
    let mut graph = Graph::new(4);
    for (from, to) in [(0, 1), (0, 2), (1, 3), (2, 3), (2, 2)] {
        graph.edge(from, to, "x");
    }
    assert_eq!(graph.cycle(), None);
    graph.edge(3, 2, "y");
    assert_eq!(graph.cycle(), Some(vec![(3, "y"), (2, "x")]));
}
