using System.Buffers.Binary;

namespace Osmia.Btf.Printing;

/// <summary>Names an address; null when it is unknown.</summary>
/// <param name="format"><see cref="FieldFormat.KernelSymbol"/> or <see cref="FieldFormat.UserSymbol"/>.</param>
/// <param name="pid">The process of a user address; 0 when the value does not say.</param>
public delegate string? AddressNames(FieldFormat format, ulong address, int pid);

/// <summary>
/// Values by their shape, as text and as JSON. Nothing is allocated for text but what <paramref name="names"/> allocates.
/// What is longer than the limits is cut visibly. For one thread.
/// </summary>
public sealed partial class ValuePrinter(AddressNames? names = null)
{
    private int _budget;

    /// <summary>Elements of an array shown in text; the number of the rest is said.</summary>
    public int ElementLimit { get; init; } = 64;

    /// <summary>Members and elements of one value, nested ones included; past them stands an ellipsis (JSON: null).</summary>
    public int NodeLimit { get; init; } = 10_000;

    /// <summary>A whole value. Bytes missing from it are shown as <c>?</c>.</summary>
    public void Append(Utf8Buffer text, ValueShape shape, ReadOnlySpan<byte> value)
    {
        _budget = NodeLimit;
        Append(text, shape, value, pid: 0, isNested: false);
    }

    /// <summary>One member of a composite value.</summary>
    public void Append(Utf8Buffer text, ShapeMember member, ReadOnlySpan<byte> composite, int pid)
    {
        _budget = NodeLimit;
        Append(text, member, composite, pid, isNested: false);
    }

    /// <summary>The process that a composite says its user addresses belong to, else 0.</summary>
    public static int ProcessOf(ValueShape shape, ReadOnlySpan<byte> value)
    {
        if (shape.ProcessMember < 0)
        {
            return 0;
        }

        ReadOnlySpan<byte> bytes = ValueNumbers.At(value, shape.Members[shape.ProcessMember].ByteOffset, 4);
        return bytes.Length < 4 ? 0 : (int)ValueNumbers.Read(shape.Members[shape.ProcessMember].Shape, bytes);
    }

    private void Append(Utf8Buffer text, ShapeMember member, ReadOnlySpan<byte> composite, int pid, bool isNested)
    {
        if (member.BitSize == 0)
        {
            Append(text, member.Shape, ValueNumbers.At(composite, member.ByteOffset, member.Shape.Size), pid, isNested);
        }
        else if (ValueNumbers.TryReadBits(composite, member, out long bits))
        {
            AppendInteger(text, member.Shape, bits, pid);
        }
        else
        {
            text.Append((byte)'?');
        }
    }

    private void Append(Utf8Buffer text, ValueShape shape, ReadOnlySpan<byte> value, int pid, bool isNested)
    {
        if (--_budget < 0)
        {
            text.Append("..."u8);
            return;
        }

        if (value.Length < shape.Size && !CanBeCut(shape))
        {
            text.Append((byte)'?');
            return;
        }

        switch (shape.Kind)
        {
            case ShapeKind.Integer when shape.Size == 16:
                AppendWide(text, shape, value);
                break;
            case ShapeKind.Integer or ShapeKind.Bool or ShapeKind.Enum or ShapeKind.Pointer:
                AppendInteger(text, shape, ValueNumbers.Read(shape, value), pid);
                break;
            case ShapeKind.Float:
                _ = shape.Size == 4 ? text.Append((float)ValueNumbers.ReadFloat(shape, value), "") : text.Append(ValueNumbers.ReadFloat(shape, value), "");
                break;
            case ShapeKind.Text:
                SpecialText.AppendEscaped(text, value[..(int)Math.Min(value.Length, shape.Size)], quote: isNested);
                break;
            case ShapeKind.Bytes:
                AppendBytes(text, shape, value);
                break;
            case ShapeKind.Array:
                AppendArray(text, shape, value, pid);
                break;
            case ShapeKind.Prefix:
                AppendPrefix(text, shape, value);
                break;
            default:
                AppendComposite(text, shape, value, firstMember: 0);
                break;
        }
    }

    /// <summary>Whether the bytes that are there of a value that misses some can be shown.</summary>
    private static bool CanBeCut(ValueShape shape) =>
        shape.Kind is ShapeKind.Composite or ShapeKind.Array or ShapeKind.Text || shape is { Kind: ShapeKind.Bytes, Format: FieldFormat.Plain or FieldFormat.Hex };

    private void AppendInteger(Utf8Buffer text, ValueShape shape, long value, int pid)
    {
        switch (shape.Kind)
        {
            case ShapeKind.Bool when value is 0 or 1:
                text.Append(value == 0 ? "false"u8 : "true"u8);
                return;
            case ShapeKind.Enum when shape.NameOf(value) is { IsEmpty: false } name:
                text.Append(name);
                return;
            case ShapeKind.Pointer when shape.Format == FieldFormat.Plain:
                text.AppendHex((ulong)value);
                return;
        }

        switch (shape.Format)
        {
            case FieldFormat.Nanoseconds or FieldFormat.Microseconds or FieldFormat.Milliseconds when shape.IsSigned || value >= 0:
                SpecialText.AppendDuration(text, shape.Format, value);
                break;
            case FieldFormat.KernelSymbol or FieldFormat.UserSymbol:
                string? name = names?.Invoke(shape.Format, (ulong)value, pid);
                _ = name is null ? text.AppendHex((ulong)value) : text.Append(name);
                break;
            case FieldFormat.Hex:
                text.AppendHex(Unsigned(shape, value));
                break;
            default:
                _ = shape.IsSigned ? text.Append(value) : text.Append((ulong)value);
                break;
        }
    }

    /// <summary>The value's own bits: a sign extended to 64 bits is no part of a hexadecimal number.</summary>
    private static ulong Unsigned(ValueShape shape, long value) =>
        shape.Size >= 8 ? (ulong)value : (ulong)value & ((1ul << (int)(shape.Size * 8)) - 1);

    private static void AppendWide(Utf8Buffer text, ValueShape shape, ReadOnlySpan<byte> value)
    {
        UInt128 bits = shape.IsNetworkOrder ? BinaryPrimitives.ReadUInt128BigEndian(value) : BinaryPrimitives.ReadUInt128LittleEndian(value);
        _ = shape.IsSigned ? text.Append((Int128)bits, "") : text.Append(bits, "");
    }

    private static void AppendBytes(Utf8Buffer text, ValueShape shape, ReadOnlySpan<byte> value)
    {
        switch (shape.Format)
        {
            case FieldFormat.Ip4:
                SpecialText.AppendIp4(text, value);
                break;
            case FieldFormat.Ip6:
                SpecialText.AppendIp6(text, value);
                break;
            case FieldFormat.Mac:
                SpecialText.AppendMac(text, value);
                break;
            default:
                const int shown = 64;
                int size = (int)Math.Min(shape.Size, value.Length);
                SpecialText.AppendBytes(text, value[..Math.Min(size, shown)]);
                _ = size > shown ? text.Append(" ... "u8).Append((long)(size - shown)).Append(" more"u8) : text;
                break;
        }
    }

    private void AppendArray(Utf8Buffer text, ValueShape shape, ReadOnlySpan<byte> value, int pid)
    {
        ValueShape element = shape.Element!;
        text.Append((byte)'[');
        uint i = 0;
        for (; i < shape.Count && i < ElementLimit && _budget > 0; i++)
        {
            _ = i == 0 ? text : text.Append(", "u8);
            Append(text, element, ValueNumbers.At(value, i * element.Size, element.Size), pid, isNested: true);
        }

        if (i < shape.Count)
        {
            text.Append(", ... "u8).Append((ulong)(shape.Count - i)).Append(" more"u8);
        }

        text.Append((byte)']');
    }

    private void AppendComposite(Utf8Buffer text, ValueShape shape, ReadOnlySpan<byte> value, int firstMember)
    {
        int pid = ProcessOf(shape, value);
        text.Append((byte)'{');
        for (int i = firstMember; i < shape.Members.Length; i++)
        {
            _ = i == firstMember ? text : text.Append(", "u8);
            if (_budget <= 0)
            {
                text.Append("..."u8);
                break;
            }

            text.Append(shape.Members[i].NameUtf8).Append((byte)'=');
            Append(text, shape.Members[i], value, pid, isNested: true);
        }

        text.Append((byte)'}');
    }

    private void AppendPrefix(Utf8Buffer text, ValueShape shape, ReadOnlySpan<byte> value)
    {
        if (shape.Members.Length == 2)
        {
            Append(text, shape.Members[1], value, pid: 0, isNested: false);
        }
        else
        {
            AppendComposite(text, shape, value, firstMember: 1);
        }

        text.Append((byte)'/').Append((ulong)(uint)ValueNumbers.Read(shape.Members[0].Shape, value));
    }
}
