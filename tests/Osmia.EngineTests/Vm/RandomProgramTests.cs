using System.Diagnostics;
using System.Globalization;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>
/// Whatever the bytecode, the process lives: a program is refused, traps, or ends. The seed under way stands in a file, so that
/// a crash can be repeated with OSMIA_VM_SEED.
/// </summary>
public sealed class RandomProgramTests
{
    private const int KnownRounds = 60_000;
    private const int Repairs = 1000;
    private static readonly ProgramType[] s_types = [ProgramType.Unspec, ProgramType.Xdp, ProgramType.SchedCls, ProgramType.SocketFilter, ProgramType.CgroupSkb];
    private static readonly int[] s_interesting = [0, 1, -1, 2, 4, 7, 8, 14, 16, 63, 64, 255, 256, 511, 512, 513, 4096, int.MaxValue, int.MinValue];
    private static readonly byte[] s_opcodes = [.. ValidOpcodes()];

    [Fact]
    public void No_program_brings_the_process_down()
    {
        var hunt = new Hunt("OSMIA_VM_SEED", Budget.For("engines") / 2, KnownRounds);
        string marker = Path.Combine(Path.GetTempPath(), $"osmia-vm-seed-{Environment.ProcessId}");
        int ran = 0;
        int trapped = 0;
        int refused = 0;
        using (var file = File.OpenHandle(marker, FileMode.Create, FileAccess.Write))
        using (var engine = new VmEngine(new VmOptions { Slots = 2, Seed = 1, InstructionBudget = 3000, TreatAsMemoryPrograms = true, Trace = _ => { } }))
        {
            do
            {
                int seed = hunt.Seed;
                RandomAccess.Write(file, System.Text.Encoding.ASCII.GetBytes(seed.ToString("D12", CultureInfo.InvariantCulture)), 0);
                var random = new Random(seed);
                LinkedObject linked = MakeObject(random);
                try
                {
                    using LoadedObject loaded = LoadRepaired(engine, ref linked, random, ref refused);
                    using RecordReader ring = loaded.Maps[2].OpenReader();
                    using RecordReader perf = loaded.Maps[7].OpenReader();
                    byte[] packet = new byte[random.Next(4) == 0 ? random.Next(20) : 60];
                    random.NextBytes(packet);
                    byte[] output = new byte[100];
                    for (int i = 0; i < 3; i++)
                    {
                        ran++;
                        try
                        {
                            loaded.Programs[0].Run(new ProgramRun { Data = packet, DataOut = output });
                        }
                        catch (TrapException)
                        {
                            trapped++;
                        }

                        ring.Consume((_, _) => { });
                        perf.Consume((_, _) => { });
                    }
                }
                catch (UnsupportedFeatureException)
                {
                    refused++;
                }
                catch (Exception other) when (other is not OutOfMemoryException)
                {
                    Assert.Fail($"seed {seed}, {linked.Programs[0].Type}: {Bytes(linked)}\n{other}");
                }
            }
            while (hunt.Next());
        }

        File.Delete(marker);
        TestContext.Current.SendDiagnosticMessage($"{ran} runs, {trapped} traps, {refused} refusals, seeds from {hunt.First} to {hunt.Seed}");
        Assert.True(hunt.IsRepeated || ran - trapped > 0);
    }

    /// <summary>Loads the program, putting something harmless where it was refused until it loads.</summary>
    internal static LoadedObject LoadRepaired(VmEngine engine, ref LinkedObject linked, Random random, ref int refused)
    {
        for (int repairs = 0; ; repairs++)
        {
            try
            {
                return engine.Load(linked, LoadOptions.Default);
            }
            catch (BytecodeException refusal) when (repairs < Repairs)
            {
                refused++;
                LinkedProgram program = linked.Programs[0];
                Instruction[] code = [.. program.Instructions];
                int slot = refusal.Slot;
                if (code[slot].IsWide && slot + 1 < code.Length)
                {
                    code[slot + 1] = new(new(0xb7), Register.R0, 0, 0, 0);
                }
                else if (slot > 0 && code[slot - 1].IsWide)
                {
                    code[slot - 1] = new(new(0xb7), Register.R0, 0, 0, 0);
                }

                bool isEnd = refusal.Id == "OSM6002" || random.Next(20) == 0;
                code[slot] = isEnd ? new(new(Opcodes.Exit), 0, 0, 0) : new(new(0xb7), (Register)random.Next(6), 0, 0, random.Next(100));
                linked = linked with { Programs = [program with { Instructions = [.. code] }] };
            }
        }
    }

    internal static string Bytes(LinkedObject linked)
    {
        byte[] bytes = new byte[linked.Programs[0].Instructions.Length * 8];
        for (int i = 0; i < linked.Programs[0].Instructions.Length; i++)
        {
            linked.Programs[0].Instructions[i].Encode(bytes.AsSpan(i * 8));
        }

        return Convert.ToHexString(bytes);
    }

    internal static LinkedObject MakeObject(Random random)
    {
        LinkedMap inner = TestPrograms.Map(9, MapType.Hash, 4, 8, 4, name: "inner");
        LinkedMap[] maps =
        [
            TestPrograms.Map(0, MapType.Array, 4, 16, 4),
            TestPrograms.Map(1, MapType.Hash, 4, 16, 4),
            TestPrograms.Map(2, MapType.Ringbuf, 0, 0, 4096),
            TestPrograms.Map(3, MapType.PercpuHash, 8, 12, 4),
            TestPrograms.Map(4, MapType.ProgArray, 4, 4, 4) with { Slots = [new MapSlot(0, "random")] },
            TestPrograms.Map(5, MapType.LpmTrie, 8, 8, 4, 1),
            new(6, ".rodata", MapType.Array, 4, 32, 1, 1 << 7) { DataSection = DataSectionKind.ReadOnly, InitialData = "n=%d %s %pI4\0"u8.ToArray() },
            TestPrograms.Map(7, MapType.PerfEventArray, 4, 4, 0),
            TestPrograms.Map(8, MapType.ArrayOfMaps, 4, 4, 4) with { InnerMap = inner, Slots = [new MapSlot(1, "inner")] },
            inner,
            TestPrograms.Map(10, MapType.LruHash, 4, 8, 3),
            TestPrograms.Map(11, MapType.Queue, 0, 8, 3),
            TestPrograms.Map(12, MapType.Devmap, 4, 4, 4),
        ];
        ProgramType type = s_types[random.Next(s_types.Length)];
        ProgramKind kind = type switch
        {
            ProgramType.Xdp => ProgramKind.Xdp,
            ProgramType.SchedCls => ProgramKind.TrafficControl,
            ProgramType.SocketFilter => ProgramKind.SocketFilter,
            ProgramType.CgroupSkb => ProgramKind.CgroupSkb,
            _ => ProgramKind.Memory,
        };
        int[] helpers = [.. VmHelpers.Supported.Where(h => (h.Kinds & kind) != 0).Select(h => (int)h.Id)];
        var code = new List<Instruction>();

        // Something to play with: the context, the packet, the stack, a map, a key.
        code.Add(new(new(0xbf), Register.R6, Register.R1, 0, 0));
        if (type is ProgramType.Xdp or ProgramType.SchedCls or ProgramType.CgroupSkb)
        {
            bool isXdp = type == ProgramType.Xdp;
            code.Add(new(new(0x61), Register.R7, Register.R1, (short)(isXdp ? 0 : 76), 0));
            code.Add(new(new(0x61), Register.R8, Register.R1, (short)(isXdp ? 4 : 80), 0));
        }

        code.Add(new(new(0xbf), Register.R9, Register.R10, 0, 0));
        code.Add(new(new(0x07), Register.R9, 0, 0, -random.Next(1, 512)));
        code.Add(new(new(0x7a), Register.R10, 0, -8, random.Next(4)));
        int length = random.Next(3, 50);
        for (int i = 0; i < length; i++)
        {
            Emit(random, code, helpers, maps.Length, length - i);
        }

        code.Add(new(new(0xb7), Register.R0, 0, 0, 0));
        code.Add(new(new(Opcodes.Exit), 0, 0, 0));
        var program = new LinkedProgram("random", new("random", "", "", type, null, Osmia.Objects.Sections.AttachKind.None), [.. code]);
        return TestPrograms.Object([program], maps);
    }

    private static void Emit(Random random, List<Instruction> code, int[] helpers, int maps, int left)
    {
        switch (random.Next(12))
        {
            case 0:
                code.Add(new(new(Opcodes.LoadImmediate64), Any(random), (Register)PseudoLoad.MapIndex, 0, random.Next(maps)));
                code.Add(default);
                break;
            case 1:
                code.Add(new(new(Opcodes.LoadImmediate64), Any(random), (Register)PseudoLoad.MapIndexValue, 0, random.Next(2) * 6));
                code.Add(new(new(0), 0, 0, random.Next(16)));
                break;
            case 2:
                Call(random, code, helpers, maps);
                break;
            case 3:
                int distance = -random.Next(1, code.Count);
                code.Add(random.Next(2) == 0
                    ? new(new(Opcodes.LoadImmediate64), Any(random), (Register)PseudoLoad.Function, 0, distance - 1)
                    : new(new(Opcodes.Call), 0, (Register)CallKind.Local, 0, random.Next(-code.Count, Math.Max(1, left))));
                if (code[^1].IsWide)
                {
                    code.Add(default);
                }

                break;
            case 4:
                code.Add(new(new(Opcodes.LoadImmediate64), Any(random), 0, 0, random.Next()));
                code.Add(new(new(0), 0, 0, random.Next(3) == 0 ? 0 : random.Next(0x8000)));
                break;
            default:
                byte opcode = random.Next(200) == 0 ? (byte)random.Next(256) : s_opcodes[random.Next(s_opcodes.Length)];
                code.Add(Plain(random, new Opcode(opcode), left));
                break;
        }
    }

    private static Instruction Plain(Random random, Opcode opcode, int left)
    {
        bool usesRegister = opcode.UsesRegister;
        if (opcode.IsArithmetic)
        {
            bool isSwap = opcode.Arithmetic == ArithmeticOperation.End;
            int immediate = isSwap ? 16 << random.Next(3) : usesRegister || opcode.Arithmetic == ArithmeticOperation.Neg ? 0 : Immediate(random);
            short offset = opcode.Arithmetic is ArithmeticOperation.Div or ArithmeticOperation.Mod ? (short)random.Next(2)
                : opcode.Arithmetic == ArithmeticOperation.Mov && usesRegister && random.Next(6) == 0 ? (short)(8 << random.Next(3)) : (short)0;
            return new(opcode, Writable(random), usesRegister && !isSwap ? Any(random) : 0, offset, immediate);
        }

        if (opcode.IsJump)
        {
            // Backward jumps end at the budget.
            short offset = (short)(random.Next(8) == 0 ? -random.Next(1, 6) : random.Next(Math.Max(1, left)));
            bool isBare = opcode.Jump is JumpOperation.Ja or JumpOperation.Jcond;
            return opcode.Value == Opcodes.JumpLong ? new(opcode, 0, 0, 0, offset)
                : new(opcode, isBare ? 0 : Any(random), isBare || !usesRegister ? 0 : Any(random), offset, isBare || usesRegister ? 0 : Immediate(random));
        }

        if (opcode.Mode == Mode.Atomic)
        {
            int[] operations = [0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110];
            return new(opcode, Base(random), Writable(random), Displacement(random), operations[random.Next(operations.Length)]);
        }

        if (opcode.Mode is Mode.Abs or Mode.Ind)
        {
            return new(opcode, 0, opcode.Mode == Mode.Ind ? Any(random) : 0, 0, random.Next(4) == 0 ? Immediate(random) : random.Next(64));
        }

        return opcode.Class == InstructionClass.Ldx
            ? new(opcode, Writable(random), Base(random), Displacement(random), 0)
            : new(opcode, Base(random), opcode.Class == InstructionClass.Stx ? Any(random) : 0, Displacement(random), opcode.Class == InstructionClass.St ? Immediate(random) : 0);
    }

    private static void Call(Random random, List<Instruction> code, int[] helpers, int maps)
    {
        for (int argument = 1; argument <= 5; argument++)
        {
            var register = (Register)argument;
            switch (random.Next(6))
            {
                case 0:
                    code.Add(new(new(Opcodes.LoadImmediate64), register, (Register)PseudoLoad.MapIndex, 0, random.Next(maps)));
                    code.Add(default);
                    break;
                case 1:
                    code.Add(new(new(0xbf), register, Register.R10, 0, 0));
                    code.Add(new(new(0x07), register, 0, 0, -random.Next(1, 64)));
                    break;
                case 2:
                    code.Add(new(new(0xb7), register, 0, 0, random.Next(20)));
                    break;
                case 3:
                    code.Add(new(new(0xbf), register, (Register)random.Next(6, 10), 0, 0));
                    break;
                case 4 when argument == 1:
                    code.Add(new(new(0xbf), register, Register.R6, 0, 0));
                    break;
                case 4:
                    code.Add(new(new(0xb7), register, 0, 0, Immediate(random)));
                    break;
            }
        }

        code.Add(new(new(Opcodes.Call), 0, 0, helpers[random.Next(helpers.Length)]));
    }

    private static Register Any(Random random) => (Register)random.Next(11);

    private static Register Writable(Random random) => (Register)random.Next(random.Next(50) == 0 ? 11 : 6);

    private static Register Base(Random random) => random.Next(3) switch { 0 => Register.R10, 1 => (Register)random.Next(6, 10), _ => Any(random) };

    private static short Displacement(Random random) => random.Next(4) switch { 0 => (short)random.Next(-520, 8), 1 => (short)random.Next(64), 2 => (short)(-8 * random.Next(1, 65)), _ => (short)random.Next(short.MinValue, short.MaxValue + 1) };

    private static int Immediate(Random random) => random.Next(4) == 0 ? random.Next(int.MinValue, int.MaxValue) : s_interesting[random.Next(s_interesting.Length)];

    private static IEnumerable<byte> ValidOpcodes()
    {
        for (int value = 0; value < 256; value++)
        {
            var opcode = new Opcode((byte)value);
            bool isValid = opcode.Class switch
            {
                InstructionClass.Alu or InstructionClass.Alu64 => opcode.Arithmetic <= ArithmeticOperation.End && !(opcode.Arithmetic == ArithmeticOperation.Neg && opcode.UsesRegister),
                InstructionClass.Jmp => opcode.Jump is not (JumpOperation.Call or JumpOperation.Exit) && opcode.Jump <= JumpOperation.Jcond && !(opcode.UsesRegister && opcode.Jump is JumpOperation.Ja or JumpOperation.Jcond),
                InstructionClass.Jmp32 => opcode.Jump is not (JumpOperation.Call or JumpOperation.Exit or JumpOperation.Jcond) && opcode.Jump <= JumpOperation.Jsle,
                InstructionClass.Ldx => opcode.Mode is Mode.Mem or Mode.MemSx,
                InstructionClass.St => opcode.Mode == Mode.Mem,
                InstructionClass.Stx => opcode.Mode is Mode.Mem or Mode.Atomic,
                _ => opcode.Mode is Mode.Abs or Mode.Ind,
            };
            if (isValid)
            {
                yield return opcode.Value;
            }
        }
    }
}
