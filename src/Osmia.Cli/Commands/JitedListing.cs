using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Cli.Commands;

/// <summary>What the virtual machine compiles of an object's programs: under each source line its instructions, under each instruction its code.</summary>
internal static class JitedListing
{
    public static void Write(TextWriter output, BpfObject source, string[] wanted, VmTier tier, VmMode mode, bool isVerified, ListingOptions options)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, Mode = isVerified ? VmMode.Checked : mode, TreatAsMemoryPrograms = !isVerified });
        using LoadedObject loaded = isVerified
            ? engine.LoadVerified(source.RequirePrograms(), wanted.Where(name => source.FindProgram(name) is not null).ToArray())
            : engine.Load(source.RequirePrograms());
        if (wanted.FirstOrDefault(name => loaded.Programs.All(program => program.Name != name)) is { } missing)
        {
            throw new UsageException($"no program '{missing}' in this object; there are {string.Join(", ", loaded.Programs.Select(program => program.Name))}");
        }

        bool isFirst = true;
        foreach (VmProgram program in loaded.Programs.Cast<VmProgram>().Where(program => wanted.Length == 0 || wanted.Contains(program.Name)))
        {
            if (!isFirst)
            {
                output.WriteLine();
            }

            isFirst = false;
            if (program.Tier != tier)
            {
                throw new UsageException($"program '{program.Name}' is not compiled: {program.TierReason}");
            }

            Write(output, program, options);
        }
    }

    private static void Write(TextWriter output, VmProgram program, ListingOptions options)
    {
        IReadOnlyList<CompiledPiece> pieces = program.DescribeCompiled();
        LinkedProgram definition = program.Definition;
        output.WriteLine($"; program {program.Name}, {definition.Instructions.Length} slots, {VmWords.Of(program.Tier)}, {program.Mode.ToString().ToLowerInvariant()}, {pieces.Sum(piece => piece.Machine.Length)} bytes of machine code");
        ILookup<int, CompiledPiece> bySlot = pieces.Where(piece => piece is { IsAside: false, Slot: >= 0 }).ToLookup(piece => piece.Slot);
        ILookup<int, CompiledPiece> byFunction = pieces.Where(piece => piece is { IsAside: false, Slot: CompiledPiece.Frame }).ToLookup(piece => piece.Function);
        Instruction[] code = ImmutableCollectionsMarshal.AsArray(definition.Instructions)!;
        int line = -1;
        for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
        {
            if (definition.Functions.FirstOrDefault(function => function.Slot == slot) is { Name: { } name })
            {
                output.WriteLine($"{name}:");
            }

            foreach (CompiledPiece piece in byFunction[slot])
            {
                WritePiece(output, piece, options);
            }

            if (options.WithLines && definition.LineAt(slot) is { } source && source.Line != line)
            {
                output.WriteLine(options.WithPositions ? $"; {source.Text.Trim()} [file:{source.File} line_num:{source.Line} line_col:{source.Column}]" : $"; {source.Text.Trim()}");
                line = source.Line;
            }

            output.WriteLine($"{slot,4}: {Disassembler.Format(code, slot, style: options.Style)}");
            foreach (CompiledPiece piece in bySlot[slot])
            {
                WritePiece(output, piece, options);
            }
        }

        CompiledPiece[] aside = [.. pieces.Where(piece => piece.IsAside)];
        if (aside.Length != 0)
        {
            output.WriteLine("; out of the way");
        }

        foreach (CompiledPiece piece in aside)
        {
            output.WriteLine(piece.Slot == CompiledPiece.Frame ? "   end" : $"  of {piece.Slot}:");
            WritePiece(output, piece, options);
        }
    }

    private static void WritePiece(TextWriter output, CompiledPiece piece, ListingOptions options)
    {
        foreach (string il in piece.Il)
        {
            output.WriteLine($"        {il}");
        }

        foreach ((int offset, int length, string text) in MachineText.Lines(piece.Machine, piece.Address))
        {
            output.WriteLine(MachineText.Line((int)(piece.Address & 0xfffff) + offset, piece.Machine.Span.Slice(offset, length), text, options.WithOpcodes));
        }
    }
}
