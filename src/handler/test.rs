//! A function of a script called by name alone, as tests are.

use std::time::Duration;

use rhai::{Dynamic, EvalAltResult};

use super::Handler;
use crate::engine::{self, Phase};
use crate::error::Error;

impl Handler {
    /// Calls the function that it was started for, without parameters; it may take as long as
    /// `remaining` says.
    ///
    /// # Errors
    /// What the script threw, or a limit that it reached.
    pub(crate) fn call(&self, remaining: Duration) -> Result<(), Error> {
        let guard = &self.host.guard;
        guard.start_invocation(Some(remaining));
        self.host.web.begin(&Dynamic::UNIT);
        let result: Result<Dynamic, Box<EvalAltResult>> =
            self.engine.eval_fn_call(&self.function, None, ());
        if let Err(error) = result {
            let exited: Result<Dynamic, Error> =
                engine::conclude(*error, &self.file, guard, Phase::Invocation);
            let exit = "`exit` ended the test early\n\
                        hint: `invoke(event)` returns what a handler exits with";
            let error = exited.err().unwrap_or_else(|| Error::function("TestExited", exit));
            return Err(self.placed(error));
        }
        match guard.tripped() {
            None => Ok(()),
            Some(trip) => {
                let (error_type, message) = guard.describe(trip);
                Err(self.placed(Error::function(error_type, message)))
            }
        }
    }
}
