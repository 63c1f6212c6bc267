//! Draws an [`Error`](crate::Error) for people: the source line, a caret below the place, the stack.
