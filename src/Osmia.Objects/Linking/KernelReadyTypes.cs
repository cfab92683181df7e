using Osmia.Btf;

namespace Osmia.Objects.Linking;

/// <summary>
/// An object's types as the kernel takes them. The kernel knows no external variables or functions, wants data sections whole and
/// sorted, and verifies a global function on its own; what only the loader knows of these is written into a copy here.
/// </summary>
/// <remarks>Source: the kernel's checks of data sections and functions (kernel/bpf/btf.c).</remarks>
internal static class KernelReadyTypes
{
    private const string KernelSymbols = ".ksyms";
    private const int FirstEntry = 3;
    private const int EntryWords = 3;
    private const uint FakeSize = 4;
    private const uint CountMask = 0xffff;

    /// <returns>The object's own types when nothing about them needs to change.</returns>
    public static BtfTypes? Of(BpfObject source)
    {
        if (source.Types is not { IsComplete: true } types)
        {
            return source.Types;
        }

        TypePatch? patch = null;
        for (int i = types.FirstId; i < types.Count; i++)
        {
            BtfType type = types[i];
            if (type.Kind != BtfKind.DataSection)
            {
                continue;
            }

            string name = type.Name;
            if (name == KernelConfiguration.SectionName)
            {
                PlaceConfiguration(source, types, type, patch ??= new TypePatch(types));
            }
            else if (name == KernelSymbols)
            {
                new KernelSymbolSection(types, patch ??= new TypePatch(types)).Define(type);
            }
            else if (name.StartsWith('?'))
            {
                // Before Linux 6.9 a data section may not be named so; afterwards the name means nothing to it.
                (patch ??= new TypePatch(types)).Set(type.Id, 0, patch.AddString("_" + name[1..]));
            }
        }

        foreach (BpfVariable variable in source.Variables)
        {
            if (variable.IsHidden && types.IsKind(variable.Declaration, BtfKind.Variable))
            {
                (patch ??= new TypePatch(types)).Set(variable.Declaration, 3, (uint)BtfLinkage.Static);
            }
        }

        // Entry points are verified on their own in any case; a hidden subprogram is verified where it is called.
        HashSet<BpfFunction>? entries = null;
        foreach (BpfFunction function in source.Functions)
        {
            if (function.IsHidden && types.IsKind(function.BtfId, BtfKind.Function) && !(entries ??= [.. source.Programs.Select(program => program.Entry)]).Contains(function))
            {
                patch ??= new TypePatch(types);
                patch.Set(function.BtfId, 1, patch.Get(function.BtfId, 1) & ~CountMask);
            }
        }

        return patch?.ToTypes() ?? types;
    }

    /// <summary>A type of this blob itself and of that kind; ids of damaged objects may name anything.</summary>
    private static bool IsKind(this BtfTypes types, TypeId id, BtfKind kind) => id.Value >= types.FirstId && types[id].Kind == kind;

    private static void PlaceConfiguration(BpfObject source, BtfTypes types, BtfType section, TypePatch patch)
    {
        Dictionary<string, BpfVariable> placed = new(StringComparer.Ordinal);
        BpfMap? map = null;
        foreach (BpfVariable variable in source.Variables.Where(variable => variable.Map.DataSection == DataSectionKind.Kconfig))
        {
            placed.TryAdd(variable.Name, variable);
            map = variable.Map;
        }

        var entries = new List<(TypeId Type, BpfVariable Variable)>();
        for (int i = 0; i < section.Count; i++)
        {
            TypeId id = section.SectionVariable(i).Type;
            if (!types.IsKind(id, BtfKind.Variable) || !placed.TryGetValue(types[id].Name, out BpfVariable? variable))
            {
                return; // Nothing was read from it, so no program uses it.
            }

            patch.Set(id, 3, (uint)BtfLinkage.Global);
            entries.Add((id, variable));
        }

        entries.Sort((left, right) => left.Variable.Offset.CompareTo(right.Variable.Offset));
        for (int i = 0; i < entries.Count; i++)
        {
            int word = FirstEntry + i * EntryWords;
            patch.Set(section.Id, word, (uint)entries[i].Type.Value);
            patch.Set(section.Id, word + 1, (uint)entries[i].Variable.Offset);
            patch.Set(section.Id, word + 2, (uint)entries[i].Variable.Size);
        }

        patch.Set(section.Id, 2, map?.ValueSize ?? 0);
    }

    /// <summary>
    /// Symbols of the kernel, declared in <c>.ksyms</c>: each becomes a global int, functions among them stand in the section as one
    /// common variable, and parameters without a name get one.
    /// </summary>
    private sealed class KernelSymbolSection(BtfTypes types, TypePatch patch)
    {
        private const uint FunctionParameterSize = 2;
        private const string DummyName = "dummy_ksym";

        private TypeId _integer;
        private TypeId _dummy;
        private uint _dummyName;

        public void Define(BtfType section)
        {
            for (int i = 0; i < section.Count; i++)
            {
                TypeId id = section.SectionVariable(i).Type;
                int word = FirstEntry + i * EntryWords;
                if (types.IsKind(id, BtfKind.Function))
                {
                    patch.Set(id, 1, (patch.Get(id, 1) & ~CountMask) | (uint)BtfLinkage.Global);
                    NameParameters(types[types[id].ReferencedId]);
                    patch.Set(section.Id, word, (uint)Dummy().Value);
                }
                else if (types.IsKind(id, BtfKind.Variable))
                {
                    patch.Set(id, 2, (uint)Integer().Value);
                    patch.Set(id, 3, (uint)BtfLinkage.Global);
                }

                patch.Set(section.Id, word + 1, (uint)i * FakeSize);
                patch.Set(section.Id, word + 2, FakeSize);
            }

            patch.Set(section.Id, 2, (uint)section.Count * FakeSize);
        }

        private void NameParameters(BtfType prototype)
        {
            if (prototype.Kind != BtfKind.FunctionPrototype || prototype.Id.Value < types.FirstId)
            {
                return;
            }

            for (int i = 0; i < prototype.Count; i++)
            {
                BtfParameter parameter = prototype.Parameter(i);
                if (parameter.NameOffset == 0 && !parameter.Type.IsVoid)
                {
                    Dummy();
                    patch.Set(prototype.Id, FirstEntry + i * (int)FunctionParameterSize, _dummyName);
                }
            }
        }

        private TypeId Dummy()
        {
            if (_dummy.IsVoid)
            {
                _dummyName = patch.AddString(DummyName);
                _dummy = patch.AddType(_dummyName, (uint)BtfKind.Variable << 24, (uint)Integer().Value, (uint)BtfLinkage.Global);
            }

            return _dummy;
        }

        private TypeId Integer()
        {
            for (int i = types.FirstId; _integer.IsVoid && i < types.Count; i++)
            {
                if (types[i] is { Kind: BtfKind.Int, Size: FakeSize, IntBits: 32, IntBitOffset: 0 })
                {
                    _integer = new TypeId(i);
                }
            }

            if (_integer.IsVoid)
            {
                _integer = patch.AddType(patch.AddString("int"), (uint)BtfKind.Int << 24, FakeSize, (1u << 24) | 32);
            }

            return _integer;
        }
    }
}
