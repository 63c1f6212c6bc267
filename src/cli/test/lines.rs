//! Which lines of which scripts ran, as the engine's debugger tells.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rhai::debugger::DebuggerCommand;
use rhai::{ASTNode, Engine, Expr};

use crate::engine::survivors;

/// How often each line ran, by file.
pub(super) type Hits = BTreeMap<String, BTreeMap<usize, u64>>;

/// A place in a file: line and column.
type Place = (usize, usize);

/// What an engine has counted so far.
#[derive(Default)]
pub(super) struct Counter {
    files: RefCell<HashMap<String, HashMap<Place, u64>>>,
}

impl Counter {
    fn count(&self, file: &str, place: Place) {
        let mut files = self.files.borrow_mut();
        let places = match files.get_mut(file) {
            Some(places) => places,
            None => files.entry(file.to_owned()).or_default(),
        };
        *places.entry(place).or_default() += 1;
    }

    /// A line ran as often as that part of it that ran most often.
    pub(super) fn hits(&self) -> Hits {
        let files = self.files.borrow();
        let mut hits = Hits::new();
        for (file, places) in files.iter() {
            let lines = hits.entry(file.clone()).or_default();
            for (&(line, _), &count) in places {
                let most = lines.entry(line).or_default();
                *most = count.max(*most);
            }
        }
        hits
    }
}

/// Lets `engine` count the lines that it runs. It is slower from then on.
pub(super) fn register(engine: &mut Engine, counter: &Rc<Counter>) {
    let counter = Rc::clone(counter);
    #[expect(deprecated, reason = "Rhai marks it so to say that it is volatile, not to remove it")]
    engine.register_debugger(
        |_, debugger| debugger,
        move |_, _, node, file, place| {
            if let (Some(file), Some(line)) = (file, place.line())
                && !is_end(node)
            {
                counter.count(file, (line, place.position().unwrap_or(0)));
            }
            Ok(DebuggerCommand::StepInto)
        },
    );
}

/// Whether `node` is not the script's own, but what marks the end of its top level.
pub(super) fn is_end(node: ASTNode) -> bool {
    match node {
        ASTNode::Expr(Expr::Variable(variable, ..)) => survivors::is_end(&variable.1),
        _ => false,
    }
}
