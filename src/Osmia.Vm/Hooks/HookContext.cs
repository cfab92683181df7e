using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;

namespace Osmia.Vm.Hooks;

/// <summary>A field, or a property with a field behind it, that programs may write; what they wrote is in the application's context after the event. Others they may only read.</summary>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
public sealed class WritableAttribute : Attribute;

/// <summary>The layout of a C# struct as programs see it.</summary>
internal static class HookContext
{
    /// <summary>Bytes that an execution slot has for a context.</summary>
    public const int MaxSize = 4096;

    public const DynamicallyAccessedMemberTypes Fields = DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields | DynamicallyAccessedMemberTypes.PublicProperties;

    /// <exception cref="ArgumentException">The struct is not blittable, too large, or its fields do not stand in their order.</exception>
    public static ContextLayout LayoutOf<[DynamicallyAccessedMembers(Fields)] TContext>(string name)
        where TContext : unmanaged
    {
        int size = Unsafe.SizeOf<TContext>();
        if (size > MaxSize)
        {
            throw new ArgumentException($"context {typeof(TContext).Name} has {size} bytes, and a context has at most {MaxSize}");
        }

        // What marshalling calls an offset is the offset in memory only of a struct that is the same on both sides.
        if (typeof(TContext).IsAutoLayout || Marshal.SizeOf<TContext>() != size)
        {
            throw new ArgumentException($"context {typeof(TContext).Name} is not blittable in the order of its fields: use LayoutKind.Sequential or Explicit, and no bool or char");
        }

        (FieldInfo Field, int Offset)[] places = [.. typeof(TContext).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(field => (field, (int)Marshal.OffsetOf<TContext>(field.Name))).OrderBy(place => place.Item2)];
        var fields = new ContextField[places.Length];
        for (int i = 0; i < fields.Length; i++)
        {
            (FieldInfo field, int offset) = places[i];
            bool isNumber = IsNumber(field, typeof(TContext));
            int fieldSize = RuntimeHelpers.SizeOf(field.FieldType.TypeHandle);
            ContextUsers writers = IsWritable(field, typeof(TContext)) ? ContextUsers.Owner : ContextUsers.None;
            fields[i] = new ContextField(NameOf(field), offset, fieldSize, ContextFieldKind.Scalar, isNumber ? ContextWidth.NarrowLoads : ContextWidth.Any, ContextUsers.Owner, writers, TestRunInput: true);
        }

        return ContextLayout.Define(name, size, fields);
    }

    /// <summary>Of a struct or buffer, a program takes the bytes as it likes.</summary>
    private static bool IsNumber(FieldInfo field, Type owner)
    {
        Type type = field.FieldType;
        return Type.GetTypeCode(type) switch
        {
            >= TypeCode.SByte and <= TypeCode.UInt64 => true,
            TypeCode.Boolean or TypeCode.Char => throw NoField(field, owner),
            _ when type.IsPointer || type.IsFunctionPointer || type == typeof(nint) || type == typeof(nuint) => throw NoField(field, owner),
            _ => false,
        };
    }

    private static ArgumentException NoField(FieldInfo field, Type owner) =>
        new($"field {NameOf(field)} of context {owner.Name} is of type {field.FieldType.Name}: a context has numbers of a fixed size, enums, and structs and buffers of such");

    private static bool IsWritable(FieldInfo field, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] Type owner) =>
        field.IsDefined(typeof(WritableAttribute)) || (field.Name[0] == '<' && owner.GetProperty(NameOf(field))?.IsDefined(typeof(WritableAttribute)) == true);

    // The field behind an automatic property is called <Name>k__BackingField.
    private static string NameOf(FieldInfo field) => field.Name is ['<', .. var rest] ? rest[..rest.IndexOf('>', StringComparison.Ordinal)] : field.Name;
}
