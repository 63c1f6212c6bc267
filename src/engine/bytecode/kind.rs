//! What is known of a value before it is there: whether it is a number.

/// The kind of an expression's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An integer or a float.
    Number,
    /// A boolean or nothing.
    Plain,
    /// Anything: it may be large.
    Any,
}

impl Kind {
    /// The kind of a value that is of one or of the other kind.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (Self::Number, Self::Number) => Self::Number,
            _ => Self::Plain,
        }
    }

    /// Whether it takes no memory to copy the value.
    pub(super) fn is_small(self) -> bool {
        self != Self::Any
    }

    /// The kind of what an operator makes of two values, where it makes anything of them.
    ///
    /// With a number on one side only `+` makes something else than a number, of a string; without
    /// one on either side `-` takes a part out of a string, and the others are for numbers alone.
    pub(super) fn of_operation(operator: &str, left: Self, right: Self) -> Self {
        let with_number = left == Self::Number || right == Self::Number;
        match operator {
            "+" => left.or(right),
            "-" if !with_number => left.or(right),
            "-" | "*" | "/" | "%" | "**" | "<<" | ">>" => Self::Number,
            _ => Self::Plain,
        }
    }
}
