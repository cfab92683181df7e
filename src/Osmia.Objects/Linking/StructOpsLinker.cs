using System.Collections.Immutable;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;

namespace Osmia.Objects.Linking;

/// <summary>
/// Structs of the kernel's callbacks (struct_ops). The object has its own idea of the struct; here its members are moved, by name, to where
/// the target has them, within the value the kernel wraps around it (<c>struct bpf_struct_ops_NAME</c>), and each program learns
/// which member it implements.
/// </summary>
internal sealed class StructOpsLinker(BpfObject source, Target target, ModuleTable modules)
{
    private const string ValuePrefix = "bpf_struct_ops_";
    private const int NearestCount = 3;

    private readonly Dictionary<string, Member> _members = new(StringComparer.Ordinal);

    private sealed record Member(TypeId Type, int Module, int Index, string Map);

    /// <summary>Programs that stand in a struct are loaded when one of those structs is, whatever their section says.</summary>
    public static bool IsLoaded(BpfObject source, BpfProgram program)
    {
        if (program.Section.Kind != AttachKind.StructOps)
        {
            return program.AutoLoad;
        }

        List<BpfMap> users = [.. source.Maps.Where(map => map.Type == MapType.StructOps && map.Slots.Any(slot => slot.Name == program.Name))];
        return users.Count == 0 ? program.AutoLoad : users.Exists(map => map.AutoCreate);
    }

    /// <summary>The map as the target's kernel creates it.</summary>
    /// <exception cref="RelocationException">The target has no such callbacks, or the struct does not fit its own.</exception>
    public LinkedMap Link(BpfMap map, LinkedMap linked)
    {
        BtfTypes local = source.Types ?? throw LinkErrors.StructOps(map.Name, target.Name, "the object has no types", []);
        BtfType definition = local.Resolve(map.ValueType);
        string name = BtfTypes.EssentialName(definition.Name);
        if (target.Types is not { } types)
        {
            throw LinkErrors.NoTargetTypes(target.Name, target.NoTypesReason, $"map '{map.Name}' (struct {name})");
        }

        TargetType wrapper = target.Find(BtfKind.Struct, ValuePrefix + name) ?? throw LinkErrors.StructOps(map.Name, target.Name, $"it has no callbacks `{name}`", Nearest(types, name));
        int data = FindData(wrapper, name, out BtfType kernel);
        if (data < 0)
        {
            throw LinkErrors.StructOps(map.Name, target.Name, $"its `{ValuePrefix}{name}` holds no struct `{name}`", []);
        }

        int start = wrapper.Type.Member(data).ByteOffset;
        byte[] value = new byte[wrapper.Type.Size];
        var functions = ImmutableArray.CreateBuilder<FunctionSlot>();
        for (int i = 0; i < definition.Count; i++)
        {
            Place(map, local, definition, i, wrapper, kernel, start, value, functions);
        }

        return linked with
        {
            ValueSize = wrapper.Type.Size,
            ValueType = TypeId.Void,
            KernelValueType = wrapper.Id,
            Module = modules.IndexOf(wrapper.Module),
            InitialData = value,
            Functions = functions.ToImmutable(),
            Slots = [],
        };
    }

    /// <summary>Tells a program which member of which struct it implements.</summary>
    public LinkedProgram Resolve(LinkedProgram program) => _members.TryGetValue(program.Name, out Member? member)
        ? program with { AttachBtfId = member.Type, AttachModule = member.Module, StructMember = member.Index }
        : program;

    private void Place(BpfMap map, BtfTypes local, BtfType definition, int index, TargetType wrapper, BtfType kernel, int start, byte[] value, ImmutableArray<FunctionSlot>.Builder functions)
    {
        BtfMember member = definition.Member(index);
        string name = local.String(member.NameOffset);
        long size = local.SizeOf(member.Type);
        long end = member.ByteOffset + size;
        if (size < 0 || end > map.InitialData.Length)
        {
            throw LinkErrors.StructOpsMember(map.Name, name, target.Name, "it has no size", []);
        }

        ReadOnlySpan<byte> bytes = map.InitialData.AsSpan(member.ByteOffset, (int)size);
        string? program = map.Slots.FirstOrDefault(slot => slot.Index == index)?.Name;
        int kernelIndex = MemberIndex(kernel, name);
        if (kernelIndex < 0)
        {
            // What an older kernel does not have and the object does not set is left away.
            if (bytes.ContainsAnyExcept((byte)0) || program is not null)
            {
                throw LinkErrors.StructOpsMember(map.Name, name, target.Name, "the target's struct has no such member",
                    Similarity.Nearest(name, Enumerable.Range(0, kernel.Count).Select(kernel.MemberName).Where(other => other.Length > 0), NearestCount));
            }

            return;
        }

        BtfMember there = kernel.Member(kernelIndex);
        BtfType type = local.Resolve(member.Type);
        BtfType kernelType = wrapper.Types.Resolve(there.Type);
        if (member.BitfieldSize != 0 || there.BitfieldSize != 0 || type.Kind != kernelType.Kind)
        {
            throw LinkErrors.StructOpsMember(map.Name, name, target.Name,
                type.Kind != kernelType.Kind ? $"it is {type.Kind.ToKernelName()} in the object and {kernelType.Kind.ToKernelName()} on the target" : "bit-fields are not set", []);
        }

        int offset = start + there.ByteOffset;
        if (type.Kind == BtfKind.Pointer)
        {
            if (program is not null)
            {
                Bind(map, name, program, wrapper, kernel, kernelIndex, kernelType);
                functions.Add(new FunctionSlot(offset, program));
            }

            return; // Other pointers stay null: no address of the object means anything to the kernel.
        }

        if (wrapper.Types.SizeOf(there.Type) != size || offset + size > value.Length)
        {
            throw LinkErrors.StructOpsMember(map.Name, name, target.Name, $"it has {size} bytes in the object and {wrapper.Types.SizeOf(there.Type)} on the target", []);
        }

        bytes.CopyTo(value.AsSpan(offset));
    }

    private void Bind(BpfMap map, string member, string program, TargetType wrapper, BtfType kernel, int index, BtfType pointer)
    {
        BpfProgram? found = source.FindProgram(program);
        if (found is null || found.Section.Kind != AttachKind.StructOps)
        {
            throw LinkErrors.StructOpsMember(map.Name, member, target.Name, $"function '{program}' is no struct_ops program: its section is \"{found?.Section.Name ?? ".text"}\"", []);
        }

        if (wrapper.Types.Resolve(pointer.ReferencedId).Kind != BtfKind.FunctionPrototype)
        {
            throw LinkErrors.StructOpsMember(map.Name, member, target.Name, "the target's member is no function pointer", []);
        }

        var bound = new Member(kernel.Id, modules.IndexOf(wrapper.Module), index, map.Name);
        if (_members.TryGetValue(program, out Member? earlier) && (earlier.Type != bound.Type || earlier.Index != bound.Index || earlier.Module != bound.Module))
        {
            throw LinkErrors.StructOpsMember(map.Name, member, target.Name, $"program '{program}' implements another member already, in map '{earlier.Map}'", []);
        }

        _members[program] = bound;
    }

    private static int FindData(TargetType wrapper, string name, out BtfType kernel)
    {
        for (int i = 0; i < wrapper.Type.Count; i++)
        {
            kernel = wrapper.Types.Resolve(wrapper.Type.Member(i).Type);
            if (kernel.Kind == BtfKind.Struct && kernel.Name == name)
            {
                return i;
            }
        }

        kernel = default;
        return -1;
    }

    private static int MemberIndex(BtfType type, string name)
    {
        for (int i = 0; i < type.Count; i++)
        {
            if (type.MemberName(i) == name)
            {
                return i;
            }
        }

        return -1;
    }

    private static IReadOnlyList<string> Nearest(BtfTypes types, string wanted)
    {
        var names = new List<string>();
        for (int id = types.FirstId; id < types.Count; id++)
        {
            if (types[id].Kind == BtfKind.Struct && types[id].Name is var name && name.StartsWith(ValuePrefix, StringComparison.Ordinal) && name.Length > ValuePrefix.Length)
            {
                names.Add(name[ValuePrefix.Length..]);
            }
        }

        IReadOnlyList<string> nearest = Similarity.Nearest(wanted, names, NearestCount);
        return nearest.Count > 0 ? nearest : [.. names.Order(StringComparer.Ordinal).Take(NearestCount * 3)];
    }
}
