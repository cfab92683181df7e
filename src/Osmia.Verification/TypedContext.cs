using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification;

/// <summary>Arguments of what a tracing program is attached to, and members of kernel objects, by the target's BTF.</summary>
/// <remarks>The rules of kernel/bpf/btf.c (<c>btf_ctx_access</c>, <c>btf_struct_walk</c>), Linux 6.18.</remarks>
internal sealed class TypedContext
{
    private const int ArgumentSize = 8;

    private readonly LinkedProgram _program;
    private readonly BtfTypes? _types;
    private readonly BtfType _prototype;
    private readonly int _skipped;

    public TypedContext(LinkedProgram program, BtfTypes? types)
    {
        _program = program;
        _types = types;
        if (types is null || program.AttachBtfId.IsVoid)
        {
            return;
        }

        BtfType attached = types[program.AttachBtfId];
        BtfType pointee = attached.Kind == BtfKind.Typedef ? types.Resolve(types.Resolve(attached.ReferencedId).ReferencedId) : types[attached.ReferencedId];
        _prototype = pointee;
        // The first parameter of a tracepoint's function is its own.
        _skipped = attached.Kind == BtfKind.Typedef ? 1 : 0;
    }

    private BtfTypes Types => _types ?? throw Stop.NotModelled("typed contexts without the target's BTF");

    /// <summary>What a load of an argument yields.</summary>
    public RegisterState Argument(int offset, int size)
    {
        AttachType? attachType = _program.AttachType;
        if (_program.Type != ProgramType.Tracing || _program.AttachModule != 0
            || attachType is not (AttachType.TraceRawTp or AttachType.TraceFentry or AttachType.TraceFexit))
        {
            throw Stop.NotModelled($"the typed context of {_program.Type.ToKernelName()} programs ({_program.Section.Name})");
        }

        BtfTypes types = Types;
        if (_prototype.Kind != BtfKind.FunctionPrototype)
        {
            throw Stop.NotModelled($"'{_program.Section.Name}', whose type is no function");
        }

        const int maximumArguments = 12;
        if (offset < 0 || offset >= ArgumentSize * maximumArguments || offset % size != 0 || offset % ArgumentSize != 0)
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"{size} bytes at offset {offset} of the context are no argument: each stands in {ArgumentSize} bytes");
        }

        int index = offset / ArgumentSize;
        int count = _prototype.Count - _skipped;
        TypeId type;
        if (index < count)
        {
            type = _prototype.Parameter(index + _skipped).Type;
        }
        else if (index == count && attachType == AttachType.TraceFexit)
        {
            type = _prototype.ReferencedId;
        }
        else
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"'{_program.Section.Target}' has {count} arguments, argument {index} is read");
        }

        bool isNullable = attachType == AttachType.TraceRawTp && TracepointNulls.MayBeNull(_program.Section.Target, index);
        return OfArgument(types, type, index, size, isNullable);
    }

    /// <summary>A pointer to a structure of the kernel, by its name.</summary>
    public RegisterState PointerTo(string structure, PointerTraits traits)
    {
        TypeId type = Types.Find(BtfKind.Struct, structure);
        return !type.IsVoid
            ? RegisterState.Pointer(RegisterKind.Typed, traits) with { Type = type.Value }
            : throw Stop.NotModelled($"struct {structure}, which the target's BTF does not have");
    }

    /// <summary>What a load of some bytes of an object yields.</summary>
    public RegisterState Read(int structure, int offset, int size)
    {
        BtfTypes types = Types;
        var id = new TypeId(structure);
        while (true)
        {
            BtfType type = types.Resolve(id);
            if (type.Kind is not (BtfKind.Struct or BtfKind.Union))
            {
                throw Stop.Reject(CheckFamily.Dereference, $"'{type.Name}' is no structure");
            }

            if ((long)offset + size > type.Size)
            {
                (id, offset, bool isNumber) = PastEnd(types, type, offset, size);
                if (isNumber)
                {
                    return RegisterState.Bytes(size);
                }

                continue;
            }

            if (FindMember(types, type, ref offset, size, out id) is { } found)
            {
                return found;
            }
        }
    }

    private static RegisterState OfArgument(BtfTypes types, TypeId id, int index, int size, bool isNullable)
    {
        BtfType type = types.Resolve(id);
        if (type.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Struct or BtfKind.Union)
        {
            return RegisterState.Bytes(size);
        }

        if (type.Kind != BtfKind.Pointer)
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"argument {index} is neither a number nor a pointer");
        }

        if (size != ArgumentSize)
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"{size} bytes of argument {index} are read, a pointer of {ArgumentSize}");
        }

        BtfType pointee = types.Resolve(type.ReferencedId);
        if (pointee.IsVoid || pointee.Kind == BtfKind.Int)
        {
            return RegisterState.Unknown;
        }

        if (pointee.Kind is not (BtfKind.Struct or BtfKind.Union))
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"argument {index} points to no structure");
        }

        PointerTraits traits = PointerTraits.Trusted | TagsOf(types, type) | (isNullable ? PointerTraits.Nullable : PointerTraits.None);
        return RegisterState.Pointer(RegisterKind.Typed, traits) with { Type = pointee.Id.Value };
    }

    /// <summary>Behind the end only an array without a length of its own goes on.</summary>
    private static (TypeId Type, int Offset, bool IsNumber) PastEnd(BtfTypes types, BtfType type, int offset, int size)
    {
        if (type.Count > 0)
        {
            BtfMember last = type.Member(type.Count - 1);
            BtfType array = types.Resolve(last.Type);
            if (array.Kind == BtfKind.Array && array.ElementCount == 0 && offset >= last.ByteOffset)
            {
                BtfType element = types.Resolve(array.ElementId);
                if (element.Kind == BtfKind.Int)
                {
                    return (default, 0, true);
                }

                if (element.Kind is BtfKind.Struct or BtfKind.Union && element.Size > 0)
                {
                    return (element.Id, (offset - last.ByteOffset) % (int)element.Size, false);
                }
            }
        }

        throw Stop.Reject(CheckFamily.Dereference, $"bytes {offset} to {offset + size} are beyond struct {type.Name}, which has {type.Size}");
    }

    /// <summary>What stands at an offset, or null when it is a structure to look into: then <paramref name="inner"/> and <paramref name="offset"/> say where.</summary>
    private static RegisterState? FindMember(BtfTypes types, BtfType type, ref int offset, int size, out TypeId inner)
    {
        inner = default;
        for (int i = 0; i < type.Count; i++)
        {
            BtfMember member = type.Member(i);
            int start = member.ByteOffset;
            if (offset + size <= start)
            {
                break;
            }

            if (member.BitfieldSize > 0)
            {
                int end = (member.BitOffset + member.BitfieldSize + 7) / 8;
                if (offset <= start && end <= offset + size)
                {
                    return RegisterState.Bytes(size);
                }

                continue;
            }

            if (offset < start)
            {
                break;
            }

            long length = types.SizeOf(member.Type);
            if (length < 0 || offset >= start + length)
            {
                continue;
            }

            BtfType found = types.Resolve(member.Type);
            while (found.Kind == BtfKind.Array)
            {
                length /= Math.Max(found.ElementCount, 1);
                start += (int)((offset - start) / length * length);
                found = types.Resolve(found.ElementId);
            }

            if (found.Kind is BtfKind.Struct or BtfKind.Union)
            {
                inner = found.Id;
                offset -= start;
                return null;
            }

            if (found.Kind == BtfKind.Pointer)
            {
                return length == size && offset == start
                    ? OfPointer(types, found, size)
                    : throw Stop.Reject(CheckFamily.Dereference, $"{size} bytes at offset {offset} are part of pointer '{types.String(member.NameOffset)}' of struct {type.Name}: a pointer is read whole");
            }

            return offset + size <= start + length
                ? RegisterState.Bytes(size)
                : throw Stop.Reject(CheckFamily.Dereference, $"{size} bytes at offset {offset} reach beyond member '{types.String(member.NameOffset)}' of struct {type.Name}");
        }

        throw Stop.Reject(CheckFamily.Dereference, $"struct {type.Name} has no member at offset {offset}");
    }

    private static RegisterState OfPointer(BtfTypes types, BtfType pointer, int size)
    {
        BtfType pointee = types.Resolve(pointer.ReferencedId);
        return pointee.Kind is BtfKind.Struct or BtfKind.Union
            ? RegisterState.Pointer(RegisterKind.Typed, TagsOf(types, pointer)) with { Type = pointee.Id.Value }
            : RegisterState.Bytes(size);
    }

    private static PointerTraits TagsOf(BtfTypes types, BtfType pointer) => types[pointer.ReferencedId] is { Kind: BtfKind.TypeTag } tag
        ? tag.Name switch
        {
            "user" => PointerTraits.User,
            "percpu" => PointerTraits.PerCpu,
            _ => PointerTraits.None,
        }
        : PointerTraits.None;
}
