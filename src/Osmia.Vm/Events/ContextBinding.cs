using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Text.Unicode;
using Osmia.Bytecode;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Events;

/// <summary>
/// Which values of an event go into which fields of a context, by their names. A number goes into a field of its own width or another (cut, or
/// sign-extended; a fraction is dropped), a time is nanoseconds, a text is UTF-8 that ends with a zero, cut to the field.
/// </summary>
internal sealed class ContextBinding
{
    private readonly ContextField[] _fields;
    private readonly string[] _names;

    private ContextBinding(ContextField[] fields, string[] names)
    {
        _fields = fields;
        _names = names;
    }

    public static ContextBinding Of<[DynamicallyAccessedMembers(HookContext.Fields)] TContext>(ContextLayout layout)
        where TContext : unmanaged
    {
        ContextField[] fields = [.. layout.Fields];
        return new ContextBinding(fields, Array.ConvertAll(fields, field => NameFor(field.Name, typeof(TContext))));
    }

    public int Count => _fields.Length;

    /// <summary>The name under which an event's value is looked for.</summary>
    public string NameOf(int field) => _names[field];

    /// <returns>-1 when no field takes a value of that name.</returns>
    public int Find(string name) => Array.FindIndex(_names, known => known.Equals(name, StringComparison.OrdinalIgnoreCase));

    public void Write(Span<byte> context, int field, object? value)
    {
        switch (value)
        {
            case null:
                break;
            case string text:
                Write(context, field, text.AsSpan());
                break;
            case double number:
                Write(context, field, number);
                break;
            case float number:
                Write(context, field, number);
                break;
            case decimal number:
                Write(context, field, (double)number);
                break;
            case bool isSet:
                Write(context, field, isSet ? 1L : 0L);
                break;
            case ulong number:
                Write(context, field, (long)number);
                break;
            case nint number:
                Write(context, field, (long)number);
                break;
            case nuint number:
                Write(context, field, (long)(ulong)number);
                break;
            case Guid guid when guid.TryWriteBytes(context.Slice(_fields[field].Offset, _fields[field].Size)):
                break;
            case byte[] bytes:
                bytes.AsSpan(0, Math.Min(bytes.Length, _fields[field].Size)).CopyTo(context[_fields[field].Offset..]);
                break;
            case TimeSpan time:
                Write(context, field, time.Ticks * 100);
                break;
            case DateTime time:
                Write(context, field, NanosecondsOf(time));
                break;
            case DateTimeOffset time:
                Write(context, field, NanosecondsOf(time.UtcDateTime));
                break;
            case IConvertible number when number.GetTypeCode() == TypeCode.UInt64:
                Write(context, field, (long)number.ToUInt64(CultureInfo.InvariantCulture));
                break;
            case IConvertible number when number.GetTypeCode() is >= TypeCode.SByte and < TypeCode.UInt64:
                Write(context, field, number.ToInt64(CultureInfo.InvariantCulture));
                break;
            default:
                Write(context, field, (value.ToString() ?? "").AsSpan());
                break;
        }
    }

    public void Write(Span<byte> context, int field, long value)
    {
        ContextField target = _fields[field];
        Span<byte> bytes = context.Slice(target.Offset, target.Size);
        if (target.Width == ContextWidth.Any)
        {
            if (bytes.Length == sizeof(double))
            {
                BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
            }

            return;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(value >> (8 * i));
        }
    }

    public void Write(Span<byte> context, int field, double value)
    {
        ContextField target = _fields[field];
        Span<byte> bytes = context.Slice(target.Offset, target.Size);
        switch (target.Width, bytes.Length)
        {
            case (ContextWidth.Any, sizeof(double)):
                BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
                break;
            case (ContextWidth.Any, sizeof(float)):
                BinaryPrimitives.WriteSingleLittleEndian(bytes, (float)value);
                break;
            case (ContextWidth.Any, _):
                break;
            default:
                Write(context, field, double.IsNaN(value) ? 0 : (long)value);
                break;
        }
    }

    public void Write(Span<byte> context, int field, ReadOnlySpan<char> text)
    {
        ContextField target = _fields[field];
        Span<byte> bytes = context.Slice(target.Offset, target.Size);
        if (target.Width != ContextWidth.Any)
        {
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
            {
                Write(context, field, number);
            }

            return;
        }

        // A character that does not fit whole is left out; the last byte stays zero.
        _ = Utf8.FromUtf16(text, bytes[..^1], out _, out int used);
        bytes[used..].Clear();
    }

    public void WriteBytes(Span<byte> context, int field, ReadOnlySpan<byte> bytes) =>
        bytes[..Math.Min(bytes.Length, _fields[field].Size)].CopyTo(context[_fields[field].Offset..]);

    public static long NanosecondsOf(DateTime time) => (time.ToUniversalTime() - DateTime.UnixEpoch).Ticks * 100;

    private static string NameFor(string field, [DynamicallyAccessedMembers(HookContext.Fields)] Type type)
    {
        MemberInfo? member = (MemberInfo?)type.GetField(field, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic) ?? type.GetProperty(field);
        return member?.GetCustomAttribute<PayloadAttribute>()?.Name ?? field;
    }
}
