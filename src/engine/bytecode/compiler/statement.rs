//! Statements: what is declared, assigned, repeated and returned.

use rhai::{ASTFlags, Dynamic, Expr, FlowControl, Ident, OpAssignment, Stmt};

use super::{Compiler, Loop, Value, cost_of, join};
use crate::engine::bytecode::program::{Instruction, Kind, Path, Register, Source};

impl Compiler<'_> {
    /// Writes a function's body, which ends by returning something, and says of what kind.
    pub(super) fn returning(&mut self, body: &[Stmt]) -> Option<Kind> {
        let register = self.allocate()?;
        let last = self.block(body, Some(register))?;
        if last != Kind::Never {
            self.emit(Instruction::Return(register));
        }
        join(last, self.body.returned.unwrap_or(Kind::Never))
    }

    /// Writes statements with a scope of their own; what the last one leaves goes to `to`.
    pub(super) fn block(&mut self, statements: &[Stmt], to: Option<Register>) -> Option<Kind> {
        let (locals, next) = (self.body.locals.len(), self.body.next);
        let mut left = Kind::Unit;
        for (at, statement) in statements.iter().enumerate() {
            let is_last = at + 1 == statements.len();
            left = self.statement(statement, to.filter(|_| is_last))?;
            if left == Kind::Never {
                // Nothing gets past it.
                break;
            }
        }
        self.body.locals.truncate(locals);
        self.body.next = next;
        Some(left)
    }

    /// Writes a statement, and says of what kind is what it leaves in `to`.
    pub(super) fn statement(&mut self, statement: &Stmt, to: Option<Register>) -> Option<Kind> {
        self.work()?;
        let next = self.body.next;
        let left = match statement {
            Stmt::Noop(_) => Kind::Unit,
            // This one keeps its register.
            Stmt::Var(parts, flags, _) => {
                if flags.contains(ASTFlags::EXPORTED) {
                    return None;
                }
                let register = self.allocate()?;
                let kind = self.value(&parts.1, register)?;
                self.body.next = next + 1;
                if kind == Kind::Unit {
                    return None;
                }
                self.declare(&parts.0.name, register, kind, flags.contains(ASTFlags::CONSTANT));
                return Some(Kind::Unit);
            }
            Stmt::Expr(expression) => self.left_by(expression, to)?,
            Stmt::FnCall(call, _) => {
                let value = self.call(call, to)?;
                self.deliver(value, to);
                value.kind
            }
            Stmt::Block(block) => self.block(block.statements(), to)?,
            Stmt::If(flow, _) => self.choice(flow, to)?,
            Stmt::While(flow, _) => self.repetition(flow)?,
            Stmt::Do(flow, flags, _) => {
                self.repetition_first(flow, flags.contains(ASTFlags::NEGATED))?
            }
            Stmt::For(parts, _) => {
                let (variable, counter, flow) = &**parts;
                self.range(variable, counter.as_ref(), flow)?
            }
            Stmt::Assignment(parts) => {
                self.assignment(&parts.0, &parts.1.lhs, &parts.1.rhs)?;
                Kind::Unit
            }
            Stmt::Return(value, flags, _) if !flags.contains(ASTFlags::BREAK) => {
                if !self.body.is_function {
                    return None;
                }
                let register = self.allocate()?;
                let kind = match value {
                    Some(value) => self.value(value, register)?,
                    None => Kind::Unit,
                };
                self.emit(Instruction::Return(register));
                let before = self.body.returned.unwrap_or(Kind::Never);
                self.body.returned = Some(join(before, kind)?);
                Kind::Never
            }
            Stmt::BreakLoop(None, flags, _) => {
                let jump = self.body.code.len();
                self.emit(Instruction::Jump(0));
                let around = self.body.loops.last_mut()?;
                match flags.contains(ASTFlags::BREAK) {
                    true => around.breaks.push(jump),
                    false => around.continues.push(jump),
                }
                Kind::Never
            }
            _ => return None,
        };
        self.body.next = next;
        Some(left)
    }

    fn left_by(&mut self, expression: &Expr, to: Option<Register>) -> Option<Kind> {
        match to {
            Some(register) => self.value(expression, register),
            None => self.discarded(expression),
        }
    }

    /// Writes an expression whose value nobody wants, though its mistakes.
    fn discarded(&mut self, expression: &Expr) -> Option<Kind> {
        match expression {
            Expr::Stmt(block) => self.block(block.statements(), None),
            _ => self.expression(expression, None).map(|value| value.kind),
        }
    }

    /// Writes `if`; branches of different kinds leave nothing that could be used.
    pub(super) fn choice(&mut self, flow: &FlowControl, to: Option<Register>) -> Option<Kind> {
        let mut no = Vec::new();
        self.jump_unless(&flow.expr, &mut no)?;
        let first = self.block(flow.body.statements(), to)?;
        if flow.branch.is_empty() && to.is_none() {
            self.land(&no);
            return Some(Kind::Unit);
        }
        let jump = self.body.code.len();
        self.emit(Instruction::Jump(0));
        self.land(&no);
        let second = self.block(flow.branch.statements(), to)?;
        self.land(&[jump]);
        match to {
            Some(_) => join(first, second),
            None if first == Kind::Never && second == Kind::Never => Some(Kind::Never),
            None => Some(Kind::Unit),
        }
    }

    /// Writes `while` and `loop`.
    fn repetition(&mut self, flow: &FlowControl) -> Option<Kind> {
        let (start, first) = (self.here(), self.body.code.len());
        self.body.loops.push(Loop::default());
        let mut out = Vec::new();
        let is_endless = matches!(flow.expr, Expr::Unit(_) | Expr::BoolConstant(true, _));
        if !is_endless {
            self.jump_unless(&flow.expr, &mut out)?;
        }
        self.block(flow.body.statements(), None)?;
        self.repeat(start, first);
        let around = self.body.loops.pop()?;
        for jump in &around.continues {
            self.body.code[*jump].lead_to(start);
        }
        // A turn that is cut short has to be paid for as well.
        self.pay_for(&around.continues, first);
        self.land(&out);
        self.land(&around.breaks);
        match is_endless && around.breaks.is_empty() {
            true => Some(Kind::Never),
            false => Some(Kind::Unit),
        }
    }

    /// Makes jumps back to the start of a loop count as turns.
    fn pay_for(&mut self, jumps: &[usize], first: usize) {
        let cost = cost_of(self.body.code.len() - first);
        for &jump in jumps {
            if let Instruction::Jump(target) = self.body.code[jump] {
                self.body.code[jump] = Instruction::Repeat(cost, target);
            }
        }
    }

    fn repeat(&mut self, start: u16, first: usize) {
        let cost = cost_of(self.body.code.len() - first);
        self.emit(Instruction::Repeat(cost, start));
    }

    /// Writes `do … while` and `do … until`.
    fn repetition_first(&mut self, flow: &FlowControl, is_until: bool) -> Option<Kind> {
        let (start, first) = (self.here(), self.body.code.len());
        self.body.loops.push(Loop::default());
        self.block(flow.body.statements(), None)?;
        let around = self.body.loops.pop()?;
        let mut out = Vec::new();
        match is_until {
            true => self.jump_if(&flow.expr, &mut out)?,
            false => self.jump_unless(&flow.expr, &mut out)?,
        }
        self.repeat(start, first);
        // Rhai starts the next turn without a look at the condition.
        for jump in &around.continues {
            self.body.code[*jump].lead_to(start);
        }
        self.pay_for(&around.continues, first);
        self.land(&out);
        self.land(&around.breaks);
        Some(Kind::Unit)
    }

    /// Writes `for` over a range of integers, or over an array.
    fn range(
        &mut self,
        variable: &Ident,
        counter: Option<&Ident>,
        flow: &FlowControl,
    ) -> Option<Kind> {
        let (locals, next) = (self.body.locals.len(), self.body.next);
        // The three that are counted with, in this order.
        let (item, at, end) = (self.allocate()?, self.allocate()?, self.allocate()?);
        let array = match self.outside(&flow.expr) {
            Some(path) => {
                let zero = self.constant(0, Kind::Int)?;
                let length = self.input(Source::Length(path.clone()), false)?;
                self.deliver(zero, Some(at));
                self.deliver(length, Some(end));
                Some(self.array(path)?)
            }
            None => {
                self.bounds(&flow.expr, at, end)?;
                None
            }
        };
        let index = match counter {
            Some(_) => Some((self.allocate()?, self.allocate()?)),
            None => None,
        };
        if let Some((_, first)) = index {
            self.emit(Instruction::Move(first, at));
        }
        let empty = self.body.code.len();
        self.emit(Instruction::JumpUpTo(end, at, 0));
        self.emit(Instruction::Move(item, at));
        let (start, first) = (self.here(), self.body.code.len());
        if let (Some((index, before)), Some(counter)) = (index, counter) {
            self.emit(Instruction::Subtract(index, at, before));
            self.declare(&counter.name, index, Kind::Int, false);
        }
        self.declare(&variable.name, item, Kind::Int, false);
        if let (Some(_), Some(local)) = (array, self.body.locals.last_mut()) {
            (local.array, local.is_constant) = (array, true);
        }
        self.body.loops.push(Loop::default());
        self.block(flow.body.statements(), None)?;
        let around = self.body.loops.pop()?;
        self.land(&around.continues);
        let cost = cost_of(self.body.code.len() - first);
        self.emit(Instruction::Count(item, cost, start));
        self.land(&[empty]);
        self.land(&around.breaks);
        self.body.locals.truncate(locals);
        self.body.next = next;
        Some(Kind::Unit)
    }

    /// Writes where a range starts and where it is over.
    fn bounds(&mut self, range: &Expr, start: Register, end: Register) -> Option<()> {
        match range {
            Expr::DynamicConstant(value, _) => {
                let (from, to) = constant_range(value)?;
                for (bound, register) in [(from, start), (to, end)] {
                    let value = self.constant(bound.cast_unsigned(), Kind::Int)?;
                    self.deliver(value, Some(register));
                }
            }
            Expr::FnCall(call, _) => {
                let is_inclusive = match call.name.as_str() {
                    ".." => false,
                    "..=" => true,
                    _ => return None,
                };
                let [from, to] = &call.args[..] else { return None };
                for (bound, register) in [(from, start), (to, end)] {
                    if !matches!(self.value(bound, register)?, Kind::Int | Kind::Never) {
                        return None;
                    }
                }
                if is_inclusive {
                    let one = self.constant(1, Kind::Int)?;
                    self.emit(Instruction::Add(end, end, one.register));
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn assignment(&mut self, operation: &OpAssignment, target: &Expr, value: &Expr) -> Option<()> {
        let Expr::Variable(parts, ..) = target else { return None };
        if !parts.2.is_empty() {
            return None;
        }
        let target = self.assigned(&parts.1)?;
        let kind = match operation.get_op_assignment_info() {
            None => self.value(value, target.register)?,
            Some((.., operator)) => {
                // Rhai looks at the variable after it has computed what is added to it.
                let added = self.expression(value, None)?;
                let changed = self.operation(operator, target, added, Some(target.register))?;
                self.deliver(changed, Some(target.register));
                changed.kind
            }
        };
        (kind == target.kind || kind == Kind::Never).then_some(())
    }

    /// The register of a variable that is assigned to.
    fn assigned(&mut self, name: &str) -> Option<Value> {
        match self.local(name) {
            Some(local) if local.is_constant => None,
            Some(local) => Some(Value { register: local.register, kind: local.kind }),
            None => self.input(Source::Variable(Path::of(name)), true),
        }
    }

    /// Brings a value to where it is wanted.
    pub(super) fn deliver(&mut self, value: Value, to: Option<Register>) {
        let is_there = matches!(value.kind, Kind::Unit | Kind::Never);
        if let Some(to) = to.filter(|to| *to != value.register && !is_there) {
            self.emit(Instruction::Move(to, value.register));
        }
    }
}

/// The bounds of a range that is written in the script with constants alone.
pub(in crate::engine::bytecode) fn constant_range(value: &Dynamic) -> Option<(i64, i64)> {
    if let Some(range) = value.read_lock::<std::ops::Range<i64>>() {
        return Some((range.start, range.end));
    }
    let range = value.read_lock::<std::ops::RangeInclusive<i64>>()?;
    Some((*range.start(), range.end().checked_add(1)?))
}
