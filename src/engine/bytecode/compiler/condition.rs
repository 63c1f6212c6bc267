//! Conditions: comparisons and their combinations, as jumps.

use rhai::Expr;

use super::{Compiler, Value};
use crate::engine::bytecode::program::{Instruction, Kind, Register};

impl Compiler<'_> {
    /// Writes a jump that is taken when a condition does not hold; it is added to `jumps`.
    pub(super) fn jump_unless(&mut self, condition: &Expr, jumps: &mut Vec<usize>) -> Option<()> {
        self.branch(condition, false, jumps)
    }

    /// Writes a jump that is taken when a condition holds; it is added to `jumps`.
    pub(super) fn jump_if(&mut self, condition: &Expr, jumps: &mut Vec<usize>) -> Option<()> {
        self.branch(condition, true, jumps)
    }

    fn branch(&mut self, condition: &Expr, on: bool, jumps: &mut Vec<usize>) -> Option<()> {
        let next = self.body.next;
        match condition {
            Expr::And(parts, _) => self.chain(parts, false, on, jumps)?,
            Expr::Or(parts, _) => self.chain(parts, true, on, jumps)?,
            Expr::FnCall(call, _) if call.is_operator_call() && call.name == "!" => {
                let [negated] = &call.args[..] else { return None };
                self.branch(negated, !on, jumps)?;
            }
            Expr::FnCall(call, _) if call.is_operator_call() && call.args.len() == 2 => {
                let (left, right) = self.operands(&call.args[0], &call.args[1])?;
                let jump = match (left.kind, right.kind) {
                    (Kind::Int, Kind::Int) => compared(&call.name, left, right, on),
                    _ => None,
                };
                let jump = match jump {
                    Some(jump) => jump,
                    None => {
                        let value = self.operation(&call.name, left, right, None)?;
                        on_boolean(value, on)?
                    }
                };
                jumps.push(self.body.code.len());
                self.emit(jump);
            }
            _ => {
                let value = self.expression(condition, None)?;
                let jump = on_boolean(value, on)?;
                jumps.push(self.body.code.len());
                self.emit(jump);
            }
        }
        self.body.next = next;
        Some(())
    }

    /// Writes `&&` or `||`, the first of whose parts that is `settling` settles it.
    fn chain(
        &mut self,
        parts: &[Expr],
        settling: bool,
        on: bool,
        jumps: &mut Vec<usize>,
    ) -> Option<()> {
        let (last, before) = parts.split_last()?;
        if settling == on {
            for part in parts {
                self.branch(part, on, jumps)?;
            }
            return Some(());
        }
        let mut settled = Vec::new();
        for part in before {
            self.branch(part, settling, &mut settled)?;
        }
        self.branch(last, on, jumps)?;
        self.land(&settled);
        Some(())
    }

    /// Writes the value of a condition into a register.
    pub(super) fn truth(&mut self, condition: &Expr, to: Register) -> Option<()> {
        let mut no = Vec::new();
        self.jump_unless(condition, &mut no)?;
        let (yes, not) = (self.constant(1, Kind::Bool)?, self.constant(0, Kind::Bool)?);
        self.emit(Instruction::Move(to, yes.register));
        let end = self.body.code.len();
        self.emit(Instruction::Jump(0));
        self.land(&no);
        self.emit(Instruction::Move(to, not.register));
        self.land(&[end]);
        Some(())
    }
}

fn on_boolean(value: Value, on: bool) -> Option<Instruction> {
    match (value.kind, on) {
        (Kind::Bool | Kind::Never, true) => Some(Instruction::JumpIf(value.register, 0)),
        (Kind::Bool | Kind::Never, false) => Some(Instruction::JumpUnless(value.register, 0)),
        _ => None,
    }
}

/// A jump that is taken when two integers compare as wanted.
fn compared(operator: &str, left: Value, right: Value, on: bool) -> Option<Instruction> {
    let (left, right) = (left.register, right.register);
    Some(match (operator, on) {
        ("<", true) | (">=", false) => Instruction::JumpBelow(left, right, 0),
        ("<=", true) | (">", false) => Instruction::JumpUpTo(left, right, 0),
        (">", true) | ("<=", false) => Instruction::JumpBelow(right, left, 0),
        (">=", true) | ("<", false) => Instruction::JumpUpTo(right, left, 0),
        ("==", true) | ("!=", false) => Instruction::JumpEqual(left, right, 0),
        ("!=", true) | ("==", false) => Instruction::JumpUnequal(left, right, 0),
        _ => return None,
    })
}
