using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.KernelLog;

/// <summary>Registers and stack as the log of Linux 6.18 prints them: <c>R1=ctx() R2=scalar(smin=...) R10=fp0 fp-8=mmmm????</c>.</summary>
internal static class KernelStateText
{
    /// <summary>What is known of a frame; all of it, or the registers and slots that are chosen.</summary>
    public static void Append(StringBuilder text, PathState state, int frame, VerificationScope scope, ushort registers = 0x7ff, ulong slots = ulong.MaxValue, bool withReferences = false)
    {
        Frame shown = state.Frames[frame];
        if (frame > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" frame{frame}:");
        }

        for (int i = 0; i < shown.Registers.Length; i++)
        {
            if ((registers & (1 << i)) != 0 && shown.Registers[i].Kind != RegisterKind.NotInitialised)
            {
                text.Append(CultureInfo.InvariantCulture, $" R{i}=");
                Append(text, shown.Registers[i], frame, scope);
            }
        }

        for (int i = 0; i < shown.Stack.Length; i++)
        {
            if ((slots & (1UL << i)) != 0 && shown.Stack[i].Bytes != 0)
            {
                text.Append(CultureInfo.InvariantCulture, $" fp{-(i + 1) * StackSlot.Size}=");
                Append(text, shown.Stack[i], frame, scope);
            }
        }

        if (withReferences && state.References.Count > 0)
        {
            text.Append(" refs=").AppendJoin(',', state.References);
        }
    }

    private static void Append(StringBuilder text, in StackSlot slot, int frame, VerificationScope scope)
    {
        if (!slot.IsFullSpill)
        {
            // The byte at the highest address comes first.
            for (int i = StackSlot.Size - 1; i >= 0; i--)
            {
                if (slot[i] == StackByte.Spill)
                {
                    break;
                }

                text.Append(slot[i] switch { StackByte.Misc => 'm', StackByte.Zero => '0', StackByte.Dynptr => 'd', StackByte.Iterator => 'i', StackByte.IrqFlag => 'f', _ => '?' });
            }
        }

        if (slot.IsSpill)
        {
            Append(text, slot.Spilled, frame, scope);
        }
    }

    public static void Append(StringBuilder text, in RegisterState register, int frame, VerificationScope scope)
    {
        if (register.IsConstant)
        {
            AppendSigned(text, (long)register.Number.Value);
            return;
        }

        if (register.Kind == RegisterKind.Stack)
        {
            text.Append("fp");
            if (register.Frame != frame)
            {
                text.Append(CultureInfo.InvariantCulture, $"[{register.Frame}]");
            }

            if (register.Number.IsConstant)
            {
                AppendSigned(text, register.Offset + (long)register.Number.Value);
                return;
            }
        }
        else
        {
            text.Append(Name(register, scope));
        }

        text.Append('(');
        int start = text.Length;
        AppendFields(text, register, scope);
        if (text.Length > start)
        {
            text.Length--; // The comma behind the last field.
        }

        text.Append(')');
    }

    private static void AppendFields(StringBuilder text, in RegisterState register, VerificationScope scope)
    {
        if (register.Id != 0)
        {
            string added = register.IsNumber && register.IsSum ? register.Offset.ToString("+0;-0", CultureInfo.InvariantCulture) : "";
            text.Append(CultureInfo.InvariantCulture, $"id={register.Id}{added},");
        }

        if (register.ReferenceId != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"ref_obj_id={register.ReferenceId},");
        }

        if (register.Kind is RegisterKind.Map or RegisterKind.MapValue or RegisterKind.MapKey && (uint)register.Map < (uint)scope.Maps.Count)
        {
            Objects.Linking.LinkedMap map = scope.Maps[register.Map];
            text.Append(CultureInfo.InvariantCulture, $"map={map.Name[..Math.Min(map.Name.Length, 15)]},ks={map.KeySize},vs={map.ValueSize},");
        }

        if (register.IsPointer && register.Offset != 0)
        {
            text.Append("off=");
            AppendSigned(text, register.Offset);
            text.Append(',');
        }

        if (register.IsPacketPointer)
        {
            text.Append(CultureInfo.InvariantCulture, $"r={register.Range},");
        }

        if (register.Kind == RegisterKind.Memory)
        {
            text.Append(CultureInfo.InvariantCulture, $"sz={register.MemorySize},");
        }

        if (!register.Number.IsConstant)
        {
            AppendRange(text, register.Number);
        }
        else if (register.Number.Value != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"imm={(long)register.Number.Value:x},");
        }
    }

    private static bool IsNegative((string Name, long Value, bool IsSilent, bool IsSigned) bound) => bound.IsSigned && bound.Value < 0;

    /// <summary>Bounds that say something; those with one value share it: <c>smin=umin=1,smax=255</c>.</summary>
    private static void AppendRange(StringBuilder text, in Scalar number)
    {
        (ulong umin, ulong umax, long smin, long smax) = number.Wide;
        (uint umin32, uint umax32, int smin32, int smax32) = number.Low;
        ReadOnlySpan<(string Name, long Value, bool IsSilent, bool IsSigned)> bounds =
        [
            ("smin", smin, smin == long.MinValue, true),
            ("smax", smax, smax == long.MaxValue, true),
            ("umin", (long)umin, umin == 0, false),
            ("umax", (long)umax, umax == ulong.MaxValue, false),
            ("smin32", HalfValue(smin32), smin32 == int.MinValue, true),
            ("smax32", HalfValue(smax32), smax32 == int.MaxValue, true),
            ("umin32", umin32, umin32 == 0, false),
            ("umax32", umax32, umax32 == uint.MaxValue, false),
        ];
        int printed = 0;
        for (int i = 0; i < bounds.Length; i++)
        {
            if (bounds[i].IsSilent || (printed & (1 << i)) != 0)
            {
                continue;
            }

            text.Append(bounds[i].Name).Append('=');
            for (int other = i + 2; other < bounds.Length; other += 2)
            {
                if (!bounds[other].IsSilent && bounds[other].Value == bounds[i].Value && IsNegative(bounds[other]) == IsNegative(bounds[i]) && (printed & (1 << other)) == 0)
                {
                    text.Append(bounds[other].Name).Append('=');
                    printed |= 1 << other;
                }
            }

            if (bounds[i].IsSigned)
            {
                AppendSigned(text, bounds[i].Value);
            }
            else
            {
                AppendUnsigned(text, (ulong)bounds[i].Value);
            }

            text.Append(',');
        }

        if (!number.Bits.IsUnknown)
        {
            text.Append(CultureInfo.InvariantCulture, $"var_off=(0x{number.Bits.Value:x}; 0x{number.Bits.Mask:x}),");
        }
    }

    private static string Name(in RegisterState register, VerificationScope scope)
    {
        string name = register.Kind switch
        {
            RegisterKind.Number => "scalar",
            RegisterKind.Context => "ctx",
            RegisterKind.Map => "map_ptr",
            RegisterKind.MapValue => "map_value",
            RegisterKind.MapKey => "map_key",
            RegisterKind.Packet => "pkt",
            RegisterKind.PacketMeta => "pkt_meta",
            RegisterKind.PacketEnd => "pkt_end",
            RegisterKind.Memory => (register.Traits & PointerTraits.RingRecord) != 0 ? "ringbuf_mem" : "mem",
            RegisterKind.Socket => "sock",
            RegisterKind.SocketCommon => "sock_common",
            RegisterKind.TcpSocket => "tcp_sock",
            RegisterKind.XdpSocket => "xdp_sock",
            RegisterKind.FlowKeys => "flow_keys",
            RegisterKind.Function => "func",
            RegisterKind.Typed => "ptr_" + scope.TypeName(register),
            RegisterKind.TracepointBuffer => "tp_buffer",
            RegisterKind.Buffer => "buf",
            _ => register.Kind.ToString().ToLowerInvariant(),
        };
        string traits = (register.IsReadOnly ? "rdonly_" : "")
            + ((register.Traits & PointerTraits.User) != 0 ? "user_" : "")
            + ((register.Traits & PointerTraits.PerCpu) != 0 ? "percpu_" : "")
            + ((register.Traits & PointerTraits.Untrusted) != 0 ? "untrusted_" : "")
            + ((register.Traits & PointerTraits.Rcu) != 0 ? "rcu_" : "")
            + ((register.Traits & PointerTraits.Trusted) != 0 ? "trusted_" : "");
        return traits + name.Replace("ptr_ptr_", "ptr_", StringComparison.Ordinal) + (register.IsNullable ? "_or_null" : "");
    }

    // Small numbers are decimal, larger ones hexadecimal.
    private static void AppendSigned(StringBuilder text, long value) =>
        _ = IsDecimal(value) ? text.Append(CultureInfo.InvariantCulture, $"{value}") : text.Append(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static bool IsDecimal(long value) => value is >= short.MinValue and <= short.MaxValue;

    private static long HalfValue(int value) => IsDecimal(value) ? value : (uint)value;

    private static void AppendUnsigned(StringBuilder text, ulong value) =>
        _ = value <= ushort.MaxValue ? text.Append(CultureInfo.InvariantCulture, $"{value}") : text.Append(CultureInfo.InvariantCulture, $"0x{value:x}");
}
