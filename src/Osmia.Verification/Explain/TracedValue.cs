using System.Globalization;
using Osmia.Verification.Domains;
using Osmia.Verification.Facts;
using Osmia.Verification.State;

namespace Osmia.Verification.Explain;

/// <summary>What a register or stack slot held at one step of a path, read from our walk or from a kernel's log.</summary>
/// <param name="Number">The number; of a pointer, the part of its offset that is not constant.</param>
/// <param name="Offset">The constant part of a pointer's offset.</param>
/// <param name="Size">Bytes of what a pointer points to: map value, memory, or the part of the packet that is known to be there. -1 when not known.</param>
/// <param name="Name">Of the map or type.</param>
internal sealed record TracedValue(ValueKind Kind, bool MayBeNull, Scalar Number, int Offset, int Size, int Id, int Reference, string Name)
{
    public bool IsNumber => Kind == ValueKind.Number;

    public bool IsPointer => Kind is not (ValueKind.Number or ValueKind.Unknown);

    public bool IsPacket => Kind is ValueKind.Packet or ValueKind.PacketMeta;

    /// <summary>Of a stack pointer, the number of the frame it points into.</summary>
    public int Frame { get; init; } = -1;

    /// <summary>A null reference stands for a register nothing was written to.</summary>
    public static TracedValue? Of(in RegisterState register, VerificationScope scope)
    {
        if (register.Kind == RegisterKind.NotInitialised)
        {
            return null;
        }

        RegisterFact fact = StateFacts.Of(register, 0);
        string name = fact.Map >= 0 && fact.Map < scope.Maps.Count ? scope.Maps[fact.Map].Name : "";
        int size = fact.Kind switch
        {
            ValueKind.MapValue when name.Length > 0 => (int)scope.Maps[fact.Map].ValueSize,
            ValueKind.MapKey when name.Length > 0 => (int)scope.Maps[fact.Map].KeySize,
            ValueKind.Memory => register.MemorySize,
            ValueKind.Packet or ValueKind.PacketMeta => register.Range,
            _ => -1,
        };
        return new TracedValue(fact.Kind, register.IsNullable, register.Number, register.Offset, size, register.Id, register.ReferenceId, name)
        {
            Frame = fact.Kind == ValueKind.Stack ? register.Frame : -1,
        };
    }

    /// <summary>In the words of a story.</summary>
    public string Describe()
    {
        if (IsNumber)
        {
            return DescribeNumber(Number);
        }

        string what = Kind switch
        {
            ValueKind.Context => "the context",
            ValueKind.Map => $"map '{Name}'",
            ValueKind.MapValue => $"a value of map '{Name}'",
            ValueKind.MapKey => $"a key of map '{Name}'",
            ValueKind.Stack => "a pointer into the stack",
            ValueKind.Packet => "a pointer into the packet",
            ValueKind.PacketMeta => "a pointer into the packet's metadata",
            ValueKind.PacketEnd => "the end of the packet",
            ValueKind.Memory => Size >= 0 ? $"{Size} bytes of memory" : "memory",
            ValueKind.Socket => "a socket",
            ValueKind.FlowKeys => "flow keys",
            ValueKind.Function => "a function",
            ValueKind.Typed => Name.Length > 0 ? $"a pointer to struct {Name}" : "a pointer to a kernel object",
            ValueKind.OtherPointer => Name.Length > 0 ? $"a pointer ({Name})" : "a pointer",
            _ => "something unknown",
        };
        what = MayBeNull ? what + " or null" : what;
        string moved = !Number.IsConstant ? $" + {DescribeNumber(Number)}" : Offset != 0 || (Number.Value != 0) ? $" + {Offset + (long)Number.Value}" : "";
        return what + moved;
    }

    public static string DescribeNumber(in Scalar number)
    {
        if (number.IsConstant)
        {
            return ((long)number.Value).ToString(CultureInfo.InvariantCulture);
        }

        (ulong umin, ulong umax, long smin, long smax) = number.Wide;
        return smin < 0
            ? (smin, smax) switch
            {
                (long.MinValue, long.MaxValue) => "any number",
                (long.MinValue, _) => $"any number up to {smax}",
                (_, long.MaxValue) => $"any number from {smin} on",
                _ => $"{smin} to {smax}",
            }
            : umax == uint.MaxValue && umin == 0 ? "any 32-bit number" : umax >= long.MaxValue ? $"any number from {umin} on" : $"{umin} to {umax}";
    }
}
