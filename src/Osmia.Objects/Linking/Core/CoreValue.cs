using Osmia.Btf;

namespace Osmia.Objects.Linking.Core;

/// <summary>The number a relocation asks for, on one side. <see cref="FieldSize"/> is the access size in bytes, 0 when the instruction keeps its own.</summary>
internal readonly record struct CoreValue(ulong Value, int FieldSize = 0, TypeId FieldType = default, bool IsBitfield = false)
{
    private const int MaximumLoad = 8;

    /// <returns>Null when the question has no answer for this field (a bit-field wider than 8 bytes, a shift of an array).</returns>
    public static CoreValue? Of(CoreSpec? spec, CoreRelocationKind kind)
    {
        if (spec is null)
        {
            return kind.IsQuestion() ? new CoreValue(0) : null;
        }

        return kind switch
        {
            CoreRelocationKind.FieldExists or CoreRelocationKind.TypeExists or CoreRelocationKind.EnumeratorExists or CoreRelocationKind.TypeMatches => new(1),
            CoreRelocationKind.TypeIdLocal or CoreRelocationKind.TypeIdTarget => new((ulong)spec.Root.Value),
            CoreRelocationKind.TypeSize => spec.Types.SizeOf(spec.Root) is >= 0 and var size ? new((ulong)size) : null,
            CoreRelocationKind.EnumeratorValue => new((ulong)spec.Types.Resolve(spec.Root).Enumerator(spec.EnumeratorIndex).Value),
            _ => OfField(spec, kind),
        };
    }

    private static CoreValue? OfField(CoreSpec spec, CoreRelocationKind kind)
    {
        CoreStep last = spec.Steps[^1];
        BtfType type = spec.Types.Resolve(last.Type);
        long size = spec.Types.SizeOf(last.Type);
        if (last.Name is null)
        {
            // An array element or the type itself: only its place and its size are meant.
            return kind switch
            {
                CoreRelocationKind.FieldByteOffset when AccessSize(spec.Types, last.Type) is >= 0 and var access => new((ulong)(spec.BitOffset / 8), (int)access, last.Type),
                CoreRelocationKind.FieldByteSize when size >= 0 => new((ulong)size),
                _ => null,
            };
        }

        long bitSize = last.BitfieldSize;
        long byteSize = bitSize > 0 ? type.Size : size;
        long byteOffset = spec.BitOffset / 8;
        if (bitSize > 0)
        {
            if (byteSize is < 1 or > MaximumLoad)
            {
                return null;
            }

            // The smallest aligned load, from the declared type's size up, that holds all the bits.
            byteOffset = spec.BitOffset / 8 / byteSize * byteSize;
            while (spec.BitOffset + bitSize - byteOffset * 8 > byteSize * 8)
            {
                if (byteSize >= MaximumLoad)
                {
                    return null;
                }

                byteSize *= 2;
                byteOffset = spec.BitOffset / 8 / byteSize * byteSize;
            }
        }
        else if (size < 0)
        {
            return null;
        }
        else
        {
            bitSize = byteSize * 8;
        }

        return kind switch
        {
            // Compilers choose the load of a bit-field in their own way, so what they wrote is not held against this answer.
            CoreRelocationKind.FieldByteOffset when last.BitfieldSize > 0 => new((ulong)byteOffset, IsBitfield: true),
            CoreRelocationKind.FieldByteOffset when AccessSize(spec.Types, last.Type) is >= 0 and var access => new((ulong)byteOffset, (int)access, last.Type),
            CoreRelocationKind.FieldByteSize => new((ulong)byteSize, IsBitfield: last.BitfieldSize > 0),
            CoreRelocationKind.FieldSigned => new(IsSigned(type) ? 1ul : 0),
            CoreRelocationKind.FieldLeftShift => new((ulong)(64 - (spec.BitOffset + bitSize - byteOffset * 8)), IsBitfield: last.BitfieldSize > 0),
            CoreRelocationKind.FieldRightShift => new((ulong)(64 - bitSize)),
            _ => null,
        };
    }

    /// <summary>Bytes that a load of a field has: those of an element where the field is an array.</summary>
    private static long AccessSize(BtfTypes types, TypeId id)
    {
        BtfType type = types.Resolve(id);
        for (int depth = 0; type.Kind == BtfKind.Array && depth < BtfTypes.MaximumDepth; depth++)
        {
            type = types.Resolve(type.ElementId);
        }

        return types.SizeOf(type.Id);
    }

    private static bool IsSigned(BtfType type) => type.Kind.IsEnum() ? type.KindFlag : type.Kind == BtfKind.Int && type.IsSigned;
}
