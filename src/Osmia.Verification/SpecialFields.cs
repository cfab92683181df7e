using Osmia.Btf;

namespace Osmia.Verification;

/// <summary>What the kernel keeps for itself in a value or an object, told by the name of a field's type or by the tag of a pointer.</summary>
internal enum SpecialKind
{
    SpinLock,

    /// <summary><c>bpf_res_spin_lock</c>: taking it may fail, and several may be held.</summary>
    ResilientLock,

    /// <summary>A <see cref="ResilientLock"/> as it is held when it was taken with interrupts off; no field is of this kind.</summary>
    ResilientLockIrq,
    Timer,
    WorkQueue,
    TaskWork,

    /// <summary>A kernel pointer that owns what it points to.</summary>
    Kptr,
    UntrustedKptr,
    PerCpuKptr,

    /// <summary>A pointer to a page of user memory.</summary>
    UserPointer,
    ListHead,
    ListNode,
    RbRoot,
    RbNode,
    Refcount,
}

/// <summary>One such field.</summary>
/// <param name="Pointee">The type, in the object's BTF, of what a kernel pointer points to; else of the field itself.</param>
/// <param name="Owner">The structure the field is a member of, and which of its members: decl tags are found by it. Void in a data section.</param>
internal sealed record SpecialField(SpecialKind Kind, int Offset, int Size, TypeId Pointee, TypeId Owner, int Member)
{
    public bool IsPointer => Kind is SpecialKind.Kptr or SpecialKind.UntrustedKptr or SpecialKind.PerCpuKptr or SpecialKind.UserPointer;

    public bool IsLock => Kind is SpecialKind.SpinLock or SpecialKind.ResilientLock;
}

/// <summary>The special fields of a map's value, or of an object the program allocates, in the order of their places.</summary>
/// <remarks>The rules of <c>btf_parse_fields</c> in kernel/bpf/btf.c, Linux 6.18: structures and arrays are looked into, unions are not.</remarks>
internal sealed class SpecialFields
{
    public static readonly SpecialFields None = new([]);

    private const int MaximumFields = 11;
    private const int MaximumDepth = 4;

    private readonly SpecialField[] _fields;

    private SpecialFields(SpecialField[] fields) => _fields = fields;

    public IReadOnlyList<SpecialField> All => _fields;

    public bool Any => _fields.Length > 0;

    /// <summary>The one lock, of either kind.</summary>
    public SpecialField? Lock => Array.Find(_fields, one => one.IsLock);

    public bool Has(SpecialKind kind) => Array.Exists(_fields, field => field.Kind == kind);

    public SpecialField? First(SpecialKind kind) => Array.Find(_fields, field => field.Kind == kind);

    /// <summary>The field that begins at an offset.</summary>
    public SpecialField? At(long offset) => Array.Find(_fields, field => field.Offset == offset);

    /// <param name="type">A structure, or the data section of global variables.</param>
    public static SpecialFields Of(BtfTypes types, TypeId type)
    {
        var found = new List<SpecialField>();
        BtfType root = types.Resolve(type);
        switch (root.Kind)
        {
            case BtfKind.Struct:
                AddMembers(types, root, 0, 0, found);
                break;
            case BtfKind.DataSection:
                for (int i = 0; i < root.Count; i++)
                {
                    BtfSectionVariable variable = root.SectionVariable(i);
                    Add(types, types[variable.Type].ReferencedId, (int)variable.Offset, default, i, 0, found);
                }

                break;
        }

        return found.Count == 0 ? None
            : found.Count <= MaximumFields ? new SpecialFields([.. found.OrderBy(field => field.Offset)])
            : throw Walk.Stop.NotModelled($"more than {MaximumFields} fields that the kernel keeps for itself in one value");
    }

    private static void AddMembers(BtfTypes types, BtfType structure, int offset, int depth, List<SpecialField> found)
    {
        for (int i = 0; i < structure.Count; i++)
        {
            BtfMember member = structure.Member(i);
            if (member.BitfieldSize == 0 && member.BitOffset % 8 == 0)
            {
                Add(types, member.Type, offset + member.ByteOffset, structure.Id, i, depth, found);
            }
        }
    }

    private static void Add(BtfTypes types, TypeId id, int offset, TypeId owner, int member, int depth, List<SpecialField> found)
    {
        BtfType type = types.Resolve(id);
        uint count = 1;
        while (type.Kind == BtfKind.Array)
        {
            count *= type.ElementCount;
            type = types.Resolve(type.ElementId);
        }

        if (count == 0 || count > (1 << 20))
        {
            return;
        }

        int size = (int)types.SizeOf(type.Id);
        var one = new List<SpecialField>();
        if (type.Kind == BtfKind.Pointer)
        {
            if (types[type.ReferencedId] is { Kind: BtfKind.TypeTag } tag && OfTag(tag.Name) is { } pointer)
            {
                one.Add(new SpecialField(pointer, offset, sizeof(ulong), types.Resolve(tag.ReferencedId).Id, owner, member));
            }
        }
        else if (type.Kind == BtfKind.Struct)
        {
            if (OfName(type.Name) is { } kind)
            {
                one.Add(new SpecialField(kind, offset, size, type.Id, owner, member));
            }
            else if (depth < MaximumDepth)
            {
                AddMembers(types, type, offset, depth + 1, one);
            }
        }

        for (int i = 0; one.Count > 0 && i < count && found.Count <= MaximumFields; i++)
        {
            found.AddRange(one.Select(field => field with { Offset = field.Offset + i * size }));
        }
    }

    private static SpecialKind? OfTag(string tag) => tag switch
    {
        "kptr" => SpecialKind.Kptr,
        "kptr_untrusted" => SpecialKind.UntrustedKptr,
        "percpu_kptr" => SpecialKind.PerCpuKptr,
        "uptr" => SpecialKind.UserPointer,
        _ => null,
    };

    private static SpecialKind? OfName(string type) => type switch
    {
        "bpf_spin_lock" => SpecialKind.SpinLock,
        "bpf_res_spin_lock" => SpecialKind.ResilientLock,
        "bpf_timer" => SpecialKind.Timer,
        "bpf_wq" => SpecialKind.WorkQueue,
        "bpf_task_work" => SpecialKind.TaskWork,
        "bpf_list_head" => SpecialKind.ListHead,
        "bpf_list_node" => SpecialKind.ListNode,
        "bpf_rb_root" => SpecialKind.RbRoot,
        "bpf_rb_node" => SpecialKind.RbNode,
        "bpf_refcount" => SpecialKind.Refcount,
        _ => null,
    };
}
