using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Kernel.Programs;

/// <summary>A function of a loaded program that another is verified against: freplace (Linux 5.6), fentry and fexit of BPF programs (5.5).</summary>
/// <param name="Type">The function in the types of <paramref name="Program"/>.</param>
internal sealed record ReplacedFunction(KernelProgram Program, TypeId Type)
{
    /// <returns>Null when the options name no target for the program.</returns>
    /// <exception cref="KernelException">OSM5021: the target has no such function, or no types.</exception>
    public static ReplacedFunction? Find(LinkedProgram program, LoadOptions options)
    {
        if (!options.Targets.TryGetValue(program.Name, out LoadedProgram? target))
        {
            return null;
        }

        KernelProgram loaded = target as KernelProgram ?? throw new ArgumentException($"program '{target.Name}' was not loaded by the kernel engine", nameof(options));
        var info = new ProgramInfoData();
        KernelInventory.Fill(loaded.Handle, ref info);
        if (info.BtfId == 0)
        {
            throw Refused(program, loaded, "it was loaded without types", "compile it with -g");
        }

        BtfTypes types = BtfTypes.Parse(KernelInventory.BtfBytes(info.BtfId));
        TypeId function = types.Find(BtfKind.Function, program.Section.Target);
        return !function.IsVoid ? new ReplacedFunction(loaded, function)
            : throw Refused(program, loaded, $"its types have no function '{program.Section.Target}'",
                $"its functions are: {string.Join(", ", loaded.Definition.Functions.IsDefaultOrEmpty ? [loaded.Name] : loaded.Definition.Functions.Select(known => known.Name))}");
    }

    private static KernelException Refused(LinkedProgram program, KernelProgram target, string why, string remedy) => new(
        new Diagnostic("OSM5021", $"program '{program.Name}' ({program.Type.ToKernelName()}) cannot be loaded for a function of program '{target.Name}'")
        {
            Where = $"program '{program.Name}' (SEC(\"{program.Section.Name}\"))",
            Why = why,
            Try = remedy,
        },
        "bpf(BPF_PROG_LOAD)", Errno.EINVAL);
}
