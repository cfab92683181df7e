using System.Globalization;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;
using Osmia.Vm;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Tests.Vm;

/// <summary>
/// Each fused form with random operands, jumps into its midst and accesses that miss, beside the same program watched, which goes
/// instruction by instruction: the same registers, memory, traps and count of instructions.
/// </summary>
/// <remarks><c>OSMIA_FUSION_SEED</c> repeats one round of all forms.</remarks>
public sealed unsafe class FusionTests
{
    private const int ProgramsOfForm = 12;
    private const int KnownRounds = 150;
    private const int MemorySize = 256;
    private const long InstructionBudget = 300;
    private const int FirstOfBody = 21;

    [Fact]
    public void Fused_instructions_do_what_they_do_alone()
    {
        var hunt = new Hunt("OSMIA_FUSION_SEED", Budget.For("engines") / 8, KnownRounds);
        using var engine = new VmEngine(new VmOptions { Slots = 1, Seed = 1, Tier = VmTier.Interpreter, Mode = VmMode.Metered, InstructionBudget = InstructionBudget, TreatAsMemoryPrograms = true });
        var executed = new HashSet<Op>();
        int programs = 0;
        int trapped = 0;
        do
        {
            for (int i = 0; i < Fusion.Forms.Count * ProgramsOfForm; i++, programs++)
            {
                FusedForm form = Fusion.Forms[i / ProgramsOfForm];
                var random = new Random((hunt.Seed * ProgramsOfForm) + (i % ProgramsOfForm) + ((int)form.Op << 16));
                string seed = $"seed {hunt.Seed}, {form.Op}, program {i % ProgramsOfForm}";
                trapped += Compare(engine, form, random, seed, executed) ? 1 : 0;
            }

            Assert.Equal("", string.Join(' ', Fusion.Forms.Select(form => form.Op).Except(executed)));
        }
        while (hunt.Next());

        TestContext.Current.TestOutputHelper?.WriteLine($"{Fusion.Forms.Count} forms, {programs} programs, {trapped} trapped, seeds from {hunt.First} to {hunt.Seed}");
        Assert.True(hunt.IsRepeated || (trapped > 0 && trapped < programs));
    }

    [Fact]
    public void Every_form_begins_as_its_first_instruction()
    {
        foreach (FusedForm form in Fusion.Forms)
        {
            Assert.Equal(Fusion.Plain(form.Parts[0]), Fusion.Plain(form.Op));
            Assert.InRange(form.Chain, 1, form.Parts.Length);
            Assert.True(form.Parts.All(part => part < Fusion.Forms[0].Op), $"{form.Op} is made of fused forms");
        }

        Assert.Equal(Enum.GetValues<Op>()[^Fusion.Forms.Count..], Fusion.Forms.Select(form => form.Op));
    }

    /// <returns>Whether the program trapped.</returns>
    private static bool Compare(VmEngine engine, FusedForm form, Random random, string seed, HashSet<Op> executed)
    {
        bool isBare = form.Parts.Any(part => part is >= Op.BareLoadB and < Op.BareLoadData);
        var body = new List<(Instruction Code, Op Form)>();
        Add(body, form, random, isSafe: isBare || random.Next(4) != 0);
        for (int more = isBare ? 0 : random.Next(3); more > 0; more--)
        {
            FusedForm other = Fusion.Forms[random.Next(Fusion.Forms.Count)];
            Add(body, other, random, isSafe: false, isPlain: true);
        }

        Instruction[] code = [.. Prologue(random), .. body.Select(one => one.Code), .. Epilogue()];
        SetTargets(code, body.Count, random, goesBack: !isBare);
        var section = new SectionMatch("test", "", "", ProgramType.Unspec, null, AttachKind.None);
        var linked = new LinkedObject("fusion", [new LinkedProgram("fused", section, [.. code])], [], []) { License = "GPL" };
        using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
        var program = (VmProgram)loaded.Programs[0];
        if (isBare)
        {
            for (int i = 0; i < code.Length; i++)
            {
                program.Code[i].Form = i >= FirstOfBody && i < FirstOfBody + body.Count ? body[i - FirstOfBody].Form : program.Code[i].Op;
            }

            Fusion.Fuse(program.Code, code.Length);
        }

        byte[] memory = new byte[MemorySize];
        random.NextBytes(memory);
        Outcome fused = Run(engine, program, memory);
        var trace = new List<int>();
        program.Watch((_, at) => trace.Add(at));
        Outcome alone = Run(engine, program, memory);
        Assert.True(fused.Text == alone.Text, $"{seed}: fused {fused.Text}\nalone {alone.Text}\n{RandomProgramTests.Bytes(linked)}");
        engine.IsWatched = false;
        Remember(program, trace, executed);
        return alone.IsTrap;
    }

    /// <summary>Which forms the fused run came by: it passes over what a form holds.</summary>
    private static void Remember(VmProgram program, List<int> trace, HashSet<Op> executed)
    {
        for (int i = 0; i < trace.Count; i++)
        {
            Op op = program.Code[trace[i]].Form;
            executed.Add(op);
            FusedForm? form = Fusion.Forms.FirstOrDefault(form => form.Op == op);
            for (int part = 1; part < form?.Parts.Length && i + 1 < trace.Count && trace[i + 1] == trace[i] + (program.Code[trace[i]].Op == Op.LoadImmediate ? 2 : 1); part++)
            {
                i++;
            }
        }
    }

    private static Outcome Run(VmEngine engine, VmProgram program, byte[] memory)
    {
        byte[] output = new byte[MemorySize];
        string text;
        bool isTrap = false;
        try
        {
            ulong result = program.Run(new ProgramRun { Data = memory, DataOut = output }).ReturnValue;
            text = $"r0 0x{result:x} memory {Convert.ToHexString(output)}";
        }
        catch (TrapException trap)
        {
            isTrap = true;
            text = $"{trap.Message} at {trap.Slot} registers {string.Join(' ', trap.Registers.Select(register => register.ToString("x", CultureInfo.InvariantCulture)))}";
        }

        ExecutionSlot slot = engine.Slots.Lease();
        long left = slot.State->Budget + slot.State->Reserve;
        slot.Return();
        return new($"{text}, {InstructionBudget - left} instructions", isTrap);
    }

    /// <summary>r6 and r8 point into the memory with room around, r7 is a small index; the others are anything. The memory's address is kept at r10-8.</summary>
    private static List<Instruction> Prologue(Random random)
    {
        var code = new List<Instruction>
        {
            Make(0x7b, 10, 1, -8, 0),
            Make(0xbf, 6, 1, 0, 0),
            Make(0x07, 6, 0, 0, 32),
            Make(0xbf, 8, 6, 0, 0),
            Make(0xb7, 7, 0, 0, random.Next(32)),
        };
        foreach (int register in (int[])[0, 1, 2, 3, 4, 5, 9])
        {
            long value = random.Next(3) == 0 ? random.Next(-2, 3) : random.NextInt64(long.MinValue, long.MaxValue);
            code.Add(Make(0x18, register, 0, 0, (int)value));
            code.Add(Make(0, 0, 0, 0, (int)(value >> 32)));
        }

        code.Add(Make(0xb7, 9, 0, 0, random.Next(4)));
        code.Add(Make(0x05, 0, 0, 0, 0));
        Assert.Equal(FirstOfBody, code.Count);
        return code;
    }

    /// <summary>Every register onto the stack and from there behind the memory's first part.</summary>
    private static IEnumerable<Instruction> Epilogue()
    {
        for (int register = 0; register < 10; register++)
        {
            yield return Make(0x7b, 10, register, (short)(-16 - (8 * register)), 0);
        }

        yield return Make(0x79, 1, 10, -8, 0);
        for (int register = 0; register < 10; register++)
        {
            yield return Make(0x79, 2, 10, (short)(-16 - (8 * register)), 0);
            yield return Make(0x7b, 1, 2, (short)(128 + (8 * register)), 0);
        }

        yield return Make(0x95, 0, 0, 0, 0);
    }

    private static void Add(List<(Instruction Code, Op Form)> body, FusedForm form, Random random, bool isSafe, bool isPlain = false)
    {
        int shared = random.Next(6);
        int wanted = isSafe ? random.Next(2, 6) : random.Next(10);
        for (int i = 0; i < form.Parts.Length; i++)
        {
            Op op = isPlain ? Fusion.Plain(form.Parts[i]) : form.Parts[i];
            int destination = i < form.Chain || shared < 3 ? wanted : random.Next(10);
            int source = random.Next(11);
            int offset = random.Next(16);
            while (i > 0 && i < form.Chain && source == destination && random.Next(8) != 0)
            {
                source = random.Next(11);
            }

            if (isSafe)
            {
                (destination, source) = SafeOperands(form, i, destination, source, wanted, random);
            }

            int immediate = random.Next(3) == 0 ? random.Next(-3, 4) : random.Next(int.MinValue, int.MaxValue);
            foreach (Instruction instruction in Encode(op, destination, source, (short)offset, immediate))
            {
                body.Add((instruction, instruction.Opcode.Value == 0 ? Op.Invalid : op));
            }
        }
    }

    /// <summary>Pointers where an access stands, an index where one is added to a pointer.</summary>
    private static (int Destination, int Source) SafeOperands(FusedForm form, int part, int destination, int source, int chained, Random random)
    {
        const int Pointer = 6;
        const int Index = 7;
        const int Moved = 8;
        Op op = Fusion.Plain(form.Parts[part]);
        bool endsInLoad = Fusion.Plain(form.Parts[^1]) is >= Op.LoadB and <= Op.LoadDw;
        return op switch
        {
            >= Op.LoadB and <= Op.LoadSxW when part == 0 => (destination, Pointer),
            >= Op.LoadB and <= Op.LoadSxW when form.Chain > 1 => (random.Next(6), chained),
            >= Op.LoadB and <= Op.LoadSxW => (random.Next(6), Moved),
            >= Op.StoreB and <= Op.StoreDw => (Pointer, random.Next(2) == 0 ? destination : source),
            Op.Mov64X when endsInLoad => (destination, Pointer),
            Op.Add64X when endsInLoad => (form.Chain > 1 ? destination : Moved, Index),
            _ => (destination, source),
        };
    }

    private static Instruction[] Encode(Op op, int destination, int source, short offset, int immediate)
    {
        Op plain = Fusion.Plain(op);
        switch (plain)
        {
            case Op.LoadImmediate:
                return [Make(0x18, destination, 0, 0, immediate), Make(0, 0, 0, 0, immediate ^ 77)];
            case Op.Swap16:
                return [Make(0xdc, destination, 0, 0, 16)];
            case Op.Ja64K:
                return [Make(0x05, 0, 0, 0, 0)];
            case Op.Exit:
                return [Make(0x95, 0, 0, 0, 0)];
            case Op.CallHelper:
                const int GetProcessorId = 8;
                return [Make(0x85, 0, 0, 0, GetProcessorId)];
            case >= Op.LoadB and <= Op.LoadDw:
                return [Make(s_sizes[plain - Op.LoadB] | 0x61, destination, source, offset, 0)];
            case >= Op.StoreB and <= Op.StoreDw:
                return [Make(s_sizes[plain - Op.StoreB] | 0x63, destination, source, offset, 0)];
        }

        bool isJump = plain >= Op.Ja32K;
        int index = plain - (isJump ? Op.Ja32K : Op.Add32K);
        bool is64 = (index & 2) != 0;
        bool usesRegister = (index & 1) != 0;
        int kind = isJump ? is64 ? 5 : 6 : is64 ? 7 : 4;
        return [Make((index >> 2 << 4) | (usesRegister ? 8 : 0) | kind, destination, usesRegister ? source : 0, 0, usesRegister ? 0 : immediate)];
    }

    private static readonly int[] s_sizes = [0x10, 0x08, 0x00, 0x18];

    /// <summary>Jumps go anywhere in the body, or behind it.</summary>
    private static void SetTargets(Instruction[] code, int body, Random random, bool goesBack)
    {
        for (int slot = FirstOfBody; slot < FirstOfBody + body; slot++)
        {
            if (code[slot].Opcode.IsJump && code[slot] is { IsExit: false, IsCall: false } && code[slot].Opcode.Value != 0)
            {
                int target;
                do
                {
                    target = random.Next(goesBack && random.Next(3) == 0 ? FirstOfBody : slot + 1, FirstOfBody + body + 1);
                }
                while (code[target].Opcode.Value == 0);
                code[slot] = code[slot] with { Offset = (short)(target - slot - 1) };
            }
        }
    }

    private static Instruction Make(int opcode, int destination, int source, short offset, int immediate) =>
        new(new Opcode((byte)opcode), (Register)destination, (Register)source, offset, immediate);

    private sealed record Outcome(string Text, bool IsTrap);
}
