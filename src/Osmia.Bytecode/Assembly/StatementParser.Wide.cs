namespace Osmia.Bytecode.Assembly;

/// <summary>Wide loads, and what they load: numbers, maps, values, functions, BTF ids, names.</summary>
internal sealed partial class StatementParser
{
    /// <summary>A name behind <c>r1 =</c>.</summary>
    private bool LoadSymbol(int destination)
    {
        if (source.Take("map["))
        {
            return LoadMap(destination);
        }

        if (source.Take("subprog["))
        {
            return LoadFunction(destination);
        }

        if (source.Take("btf["))
        {
            return LoadBtfId(destination);
        }

        source.SkipSpace();
        int start = source.Position;
        if (!Symbol(out string name, out long offset))
        {
            return false;
        }

        // The kernel's dumps print names without "ll", but with the opcode.
        if (!source.TakeWord("ll") && _opcodeHint != Opcodes.LoadImmediate64)
        {
            return Fail(AssemblyErrors.NoSuchInstruction($"'{name}' is neither a register nor a number", "a name is loaded as 64 bits, which 'll' says", $"write {name} ll"), start);
        }

        code.Refer(AssemblyReferenceKind.Load, name, offset, start);
        return AddWide(destination, PseudoLoad.Immediate, 0, 0);
    }

    /// <summary>Behind <c>map[</c>: <c>id:5]</c>, <c>id:5][0]+4</c>, <c>idx:5]</c>, <c>idx:5]+4</c>, <c>name]</c>, <c>name][0]+4</c>.</summary>
    private bool LoadMap(int destination)
    {
        source.SkipSpace();
        int start = source.Position;
        bool isIndex = source.Take("idx:");
        long number = 0;
        int length = 0;
        if (isIndex || source.Take("id:"))
        {
            if (!Number(int.MinValue, uint.MaxValue, "the number of a map", out number))
            {
                return false;
            }
        }
        else
        {
            length = source.Rest.IndexOf(']');
            if (length <= 0)
            {
                return Fail(AssemblyErrors.Expected("id:, idx: or the name of a map", FoundHere()));
            }

            source.Position += length;
        }

        if (!Expect("]"))
        {
            return false;
        }

        long offset = 0;
        source.Take("[0]");
        source.SkipSpace();
        bool isValue = source.Current is '+' or '-';
        if (isValue && !Number(int.MinValue, uint.MaxValue, "an offset in the value", out offset))
        {
            return false;
        }

        if (length > 0)
        {
            int after = source.Position;
            source.Position = start;
            string name = source.Rest[..length].Trim().ToString();
            source.Position = after;
            code.Refer(AssemblyReferenceKind.Load, name, offset, start);
            return AddWide(destination, PseudoLoad.Immediate, 0, 0);
        }

        int kind = (isIndex, isValue) switch
        {
            (false, false) => PseudoLoad.MapFd,
            (false, true) => PseudoLoad.MapValue,
            (true, false) => PseudoLoad.MapIndex,
            (true, true) => PseudoLoad.MapIndexValue,
        };
        return AddWide(destination, kind, unchecked((int)number), unchecked((int)offset));
    }

    /// <summary>Behind <c>subprog[</c>: a distance or a name.</summary>
    private bool LoadFunction(int destination)
    {
        if (IsNumber())
        {
            return Number(int.MinValue, int.MaxValue, "a distance of 32 bits", out long distance) && Expect("]")
                && AddWide(destination, PseudoLoad.Function, (int)distance, 0);
        }

        source.SkipSpace();
        int start = source.Position;
        if (!Symbol(out string name, out long offset) || !Expect("]"))
        {
            return false;
        }

        code.Refer(AssemblyReferenceKind.Load, name, offset, start);
        return AddWide(destination, PseudoLoad.Function, 0, 0);
    }

    /// <summary>Behind <c>btf[</c>: <c>id:5]</c>, and <c>[fd:7]</c> for the types of a module.</summary>
    private bool LoadBtfId(int destination)
    {
        long descriptor = 0;
        return Expect("id:") && Number(int.MinValue, uint.MaxValue, "a BTF id", out long id) && Expect("]")
            && (!source.Take("[fd:") || (Number(int.MinValue, uint.MaxValue, "a descriptor", out descriptor) && Expect("]")))
            && AddWide(destination, PseudoLoad.BtfId, unchecked((int)id), unchecked((int)descriptor));
    }

    /// <summary><c>ld_pseudo r1, 1, 5</c>: llvm's form of a wide load by the kind in its source field.</summary>
    private bool LoadPseudo() =>
        Register64(out int destination) && Expect(",") && Number(0, 15, "a kind of wide load", out long kind) && Expect(",")
        && Immediate32(out int value) && AddWide(destination, (int)kind, value, 0);
}
