namespace Osmia.Btf.Printing;

/// <summary>
/// Types as a C header that compiles, in which every type has the layout the BTF says: <c>vmlinux.h</c>, as
/// <c>bpftool btf dump ... format c</c> writes it.
/// </summary>
/// <remarks>
/// Definitions stand before their use, with forward declarations where pointers go in circles; gaps are filled with unnamed bit-fields;
/// structs whose members are not aligned are <c>packed</c>. Written for 64-bit targets, as BPF is.
/// </remarks>
public static class CHeaderWriter
{
    private static ReadOnlySpan<byte> Prologue =>
        """
        #ifndef __VMLINUX_H__
        #define __VMLINUX_H__

        #ifndef BPF_NO_PRESERVE_ACCESS_INDEX
        #pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
        #endif

        #ifndef __ksym
        #define __ksym __attribute__((section(".ksyms")))
        #endif

        #ifndef __weak
        #define __weak __attribute__((weak))
        #endif

        #ifndef __bpf_fastcall
        #if __has_attribute(bpf_fastcall)
        #define __bpf_fastcall __attribute__((bpf_fastcall))
        #else
        #define __bpf_fastcall
        #endif
        #endif


        """u8;

    private static ReadOnlySpan<byte> Epilogue =>
        """
        #ifndef BPF_NO_PRESERVE_ACCESS_INDEX
        #pragma clang attribute pop
        #endif

        #endif /* __VMLINUX_H__ */

        """u8;

    /// <summary>Writes all types (those of a base too, since definitions need them) and the prototypes of the kernel's functions for BPF.</summary>
    /// <param name="isSorted">Sorted by kind and name, which keeps headers of two kernels comparable; else in the order of ids.</param>
    /// <exception cref="BtfFormatException">The types cannot be written in C: one contains itself, or is nested without end.</exception>
    public static void Write(BtfTypes types, Stream output, bool isSorted = true)
    {
        var graph = new TypeGraph(types);
        var emitter = new CEmitter(graph, output);
        emitter.Text.Append(Prologue);
        if (isSorted)
        {
            new CSortOrder(graph).ForEach(emitter.Define, emitter.IsSettled);
        }
        else
        {
            for (int id = 1; id < graph.Count; id++)
            {
                emitter.Define(id);
            }
        }

        KernelFunctions(graph, emitter);
        emitter.Text.Append(Epilogue);
        emitter.Flush();
    }

    /// <summary>Writes the types named by <paramref name="roots"/>, and those they need.</summary>
    /// <exception cref="BtfFormatException">The types cannot be written in C: one contains itself, or is nested without end.</exception>
    public static void Write(BtfTypes types, Stream output, IEnumerable<TypeId> roots)
    {
        var graph = new TypeGraph(types);
        var emitter = new CEmitter(graph, output);
        emitter.Text.Append(Prologue);
        foreach (TypeId root in roots)
        {
            emitter.Define((uint)root.Value < (uint)graph.Count ? root.Value : 0);
        }

        emitter.Text.Append(Epilogue);
        emitter.Flush();
    }

    /// <summary>Functions of the kernel that programs may call carry a declaration tag.</summary>
    private static void KernelFunctions(TypeGraph graph, CEmitter emitter)
    {
        var functions = new List<int>();
        var fast = new bool[graph.Count];
        for (int id = 1; id < graph.Count; id++)
        {
            if (graph.Kind(id) != BtfKind.DeclarationTag || graph.Word(id, 3) != uint.MaxValue || graph.Kind(graph.Referenced(id)) != BtfKind.Function)
            {
                continue;
            }

            ReadOnlySpan<byte> tag = graph.Text(graph.Name(id));
            if (tag.SequenceEqual("bpf_kfunc"u8))
            {
                functions.Add(graph.Referenced(id));
            }
            else if (tag.SequenceEqual("bpf_fastcall"u8))
            {
                fast[graph.Referenced(id)] = true;
            }
        }

        functions.Sort((left, right) =>
        {
            int order = graph.CompareText(graph.Name(left), graph.Name(right));
            return order != 0 ? order : left.CompareTo(right);
        });
        Utf8Buffer text = emitter.Text;
        text.Append("\n/* BPF kfuncs */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n"u8);
        foreach (int id in functions)
        {
            text.Append("extern "u8).Append(fast[id] ? "__bpf_fastcall "u8 : default);
            emitter.Declare(graph.Referenced(id), graph.Name(id));
            text.Append(" __weak __ksym;\n"u8);
        }

        text.Append("#endif\n\n"u8);
    }
}
