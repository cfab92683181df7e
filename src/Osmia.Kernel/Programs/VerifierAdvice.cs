namespace Osmia.Kernel.Programs;

/// <summary>What the verifier's messages mean and what helps, by a part of the message. Order matters: the first row that fits is used.</summary>
internal static class VerifierAdvice
{
    private static readonly (string Part, string Why, string Remedy)[] s_rows =
    [
        ("cannot call GPL-restricted function", "the helper is for programs under a GPL-compatible licence",
            "declare one: char LICENSE[] SEC(\"license\") = \"GPL\"; or use another helper"),
        ("GPL-restricted", "the program uses something reserved for GPL-compatible licences", "declare a GPL-compatible licence"),
        ("program of this type cannot use helper", "the helper is not offered to this program type", "use another helper or another program type"),
        ("unknown func", "the helper does not exist in this kernel or not for this program type", "use another helper, or a newer kernel"),
        ("invalid access to packet", "the program reads packet bytes it has not compared with data_end",
            "compare first: if ((void *)(header + 1) > data_end) return ...; and use that same pointer afterwards"),
        ("_or_null'", "a pointer that may be NULL is used without a test", "test the result of the lookup first: if (!value) return 0;"),
        ("invalid mem access 'scalar'", "a plain number is used as a pointer; kernel memory is read through bpf_probe_read_kernel or BPF_CORE_READ",
            "read it with BPF_CORE_READ, or keep the pointer's type through arithmetic and spills"),
        ("invalid mem access 'inv'", "a plain number is used as a pointer; kernel memory is read through bpf_probe_read_kernel or BPF_CORE_READ",
            "read it with BPF_CORE_READ, or keep the pointer's type through arithmetic and spills"),
        ("invalid bpf_context access", "the context has no field at that offset with that size, or this program type may not use it",
            "read only documented fields of the context, with their own size"),
        ("min value is negative", "an index or length may be negative", "make it unsigned or bound it: if (n > MAX) return 0; or n &= MASK"),
        ("unbounded memory access", "an index or length has no upper bound", "bound it just before its use: if (n > MAX) return 0; or n &= MASK"),
        ("R0 !read_ok", "a path reaches the end of the function without a return value", "return a value on every path"),
        ("!read_ok", "a register is read before it is written; calls clobber r1 to r5", "initialise it, or keep it in r6 to r9 over the call"),
        ("infinite loop detected", "a loop comes round to the same state", "give the loop a counter with a constant bound, or use bpf_loop or bpf_for"),
        ("back-edge", "this kernel does not accept loops", "unroll the loop (#pragma unroll) or use a newer kernel"),
        ("BPF program is too large", "the verifier gave up after a million instructions", "make loops shorter, move parts into global functions, or use bpf_loop"),
        ("combined stack size", "all frames together exceed 512 bytes of stack", "move large variables into a per-CPU array map"),
        ("invalid write to stack", "the access lies outside the 512 bytes of stack", "move large variables into a per-CPU array map"),
        ("Unreleased reference", "an acquired object (socket, ring buffer record, ...) is not given back on some path", "submit, discard or release it on every path"),
        ("attach_btf_id is not a ", "the program's target is not of the right kind in the kernel's types", "check the name after the slash in SEC(\"...\")"),
    ];

    public static (string? Why, string? Remedy) For(string? message)
    {
        if (message is not null)
        {
            foreach ((string part, string why, string remedy) in s_rows)
            {
                if (message.Contains(part, StringComparison.Ordinal))
                {
                    return (why, remedy);
                }
            }
        }

        return (null, null);
    }
}
