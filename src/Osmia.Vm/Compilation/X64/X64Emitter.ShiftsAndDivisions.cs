using System.Numerics;
using System.Runtime.Intrinsics.X86;

namespace Osmia.Vm.Compilation.X64;

/// <summary>Shifts and divisions: what the processor does in registers of its own choice, and the constants that need none of it.</summary>
internal sealed unsafe partial class X64Emitter
{
    private void Shift(Node node, Reg to)
    {
        bool isWide = node.IsWide;
        ShiftOp op = node.Kind == NodeKind.ShiftLeft ? ShiftOp.Left : node.Kind == NodeKind.ShiftRight ? ShiftOp.Right : ShiftOp.RightSigned;
        Node value = isWide ? node.Left! : Low(node.Left!);
        Node distance = Low(node.Right!);
        if (distance.IsConstant)
        {
            Eval(value, to);
            if (distance.Value != 0)
            {
                _asm.Shift(op, to, (int)distance.Value, isWide);
            }
            else if (!isWide)
            {
                _asm.Move(to, to, false);
            }

            return;
        }

        Waiting? held = null;
        if (TryOperand(distance, isWide: false) is not { } by)
        {
            held = Hold(distance);
            by = held.Value.Operand;
        }

        if (Bmi2.X64.IsSupported && by.Kind == OperandKind.Register)
        {
            Reg from = by.Register == to ? RegisterOf(value, isWide, Reg.Rax) : RegisterOf(value, isWide, to);
            _asm.Shift(op, to, from, by.Register, isWide);
        }
        else
        {
            Eval(value, to);
            if (by.Kind == OperandKind.Register)
            {
                _asm.Move(Reg.Rcx, by.Register, false);
            }
            else
            {
                _asm.Load(Reg.Rcx, by.Memory, 4);
            }

            _asm.ShiftByCl(op, to, isWide);
        }

        Release(held);
    }

    private void Divide(Node node, Reg to)
    {
        bool isWide = node.IsWide;
        bool isSigned = node.Kind is NodeKind.SignedDivide or NodeKind.SignedModulo;
        bool isModulo = node.Kind is NodeKind.Modulo or NodeKind.SignedModulo;
        Node left = isWide ? node.Left! : Low(node.Left!);
        Node right = isWide ? node.Right! : Low(node.Right!);
        if (!isSigned && right is { IsConstant: true, Value: not 0 } && TryDivideByConstant(left, right.Value, isModulo, isWide, to))
        {
            return;
        }

        Waiting? held = null;
        Reg by = Reg.Rcx;
        Operand? operand = TryOperand(right, isWide);
        if (operand is { Kind: OperandKind.Register } register)
        {
            by = register.Register;
        }
        else if (operand is null && !right.IsConstant)
        {
            held = Hold(right);
            operand = held.Value.Operand;
            by = operand.Value.Kind == OperandKind.Register ? operand.Value.Register : Reg.Rcx;
        }

        Eval(left, Reg.Rax);
        if (by == Reg.Rcx)
        {
            if (right.IsConstant)
            {
                _asm.Move(Reg.Rcx, isWide ? right.Value : (uint)right.Value);
            }
            else
            {
                _asm.Load(Reg.Rcx, operand!.Value.Memory, isWide ? 8 : 4);
            }
        }

        CodeLabel done = _asm.Label();
        bool isSafe = right is { IsConstant: true, Value: not 0 };
        if (!isSafe)
        {
            CodeLabel zero = _asm.Label();
            _asm.Test(by, by, isWide);
            _asm.Jump(Condition.Equal, zero);
            Outside(zero, () =>
            {
                if (!isModulo)
                {
                    _asm.Move(to, 0);
                }
                else
                {
                    _asm.Move(to, Reg.Rax, isWide);
                }

                _asm.Jump(done);
            });
        }

        if (isSigned)
        {
            // The lowest number by -1 has no quotient.
            CodeLabel negate = _asm.Label();
            _asm.Alu(AluOp.Compare, by, -1, isWide);
            _asm.Jump(Condition.Equal, negate);
            Outside(negate, () =>
            {
                if (isModulo)
                {
                    _asm.Move(to, 0);
                }
                else
                {
                    _asm.Negate(Reg.Rax, isWide);
                    _asm.Move(to, Reg.Rax, isWide);
                }

                _asm.Jump(done);
            });
            _asm.SignIntoRdx(isWide);
        }
        else
        {
            _asm.Move(Reg.Rdx, 0);
        }

        _asm.Divide(by, isSigned, isWide);
        _asm.Move(to, isModulo ? Reg.Rdx : Reg.Rax, isWide);
        _asm.Place(done);
        Release(held);
    }

    /// <summary>
    /// A power of two is a shift. For 32 bits, n / d is n * m >> 32 + s with m = 2^(32+s) / d rounded up, which is exact for every n when
    /// m * d - 2^(32+s) is at most 2^s (Granlund and Montgomery, 1994).
    /// </summary>
    private bool TryDivideByConstant(Node left, ulong divisor, bool isModulo, bool isWide, Reg to)
    {
        if (!isWide)
        {
            divisor = (uint)divisor;
        }

        if (BitOperations.IsPow2(divisor))
        {
            if (isModulo && divisor - 1 > int.MaxValue)
            {
                return false;
            }

            Eval(left, to);
            if (isModulo)
            {
                _asm.Alu(AluOp.And, to, (int)(divisor - 1), isWide);
            }
            else if (divisor != 1)
            {
                _asm.Shift(ShiftOp.Right, to, BitOperations.Log2(divisor), isWide);
            }
            else if (!isWide)
            {
                _asm.Move(to, to, false);
            }

            return true;
        }

        if (isWide)
        {
            return false;
        }

        int shift = BitOperations.Log2(divisor);
        ulong multiplier = (ulong)(((UInt128.One << (32 + shift)) + divisor - 1) / divisor);
        if (multiplier > uint.MaxValue || (multiplier * divisor) - (1UL << (32 + shift)) > 1UL << shift)
        {
            return false;
        }

        Eval(left, Reg.Rax);
        _asm.Move(Reg.Rdx, Reg.Rax, false);
        _asm.Move(Reg.Rcx, multiplier);
        _asm.Multiply(Reg.Rdx, Reg.Rcx, true);
        _asm.Shift(ShiftOp.Right, Reg.Rdx, 32 + shift, true);
        if (!isModulo)
        {
            _asm.Move(to, Reg.Rdx, false);
            return true;
        }

        _asm.Multiply(Reg.Rdx, Reg.Rdx, (int)(uint)divisor, false);
        _asm.Alu(AluOp.Subtract, Reg.Rax, Reg.Rdx, false);
        _asm.Move(to, Reg.Rax, false);
        return true;
    }
}
