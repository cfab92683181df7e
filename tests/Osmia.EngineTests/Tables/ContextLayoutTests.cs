using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Tests.Kernel;

namespace Osmia.Tests.Tables;

/// <summary>Every aligned and unaligned access to every context structure: the kernel accepts exactly what the layouts allow.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class ContextLayoutTests(ITestOutputHelper output)
{
    private const string Check = "context";
    private const int Longest = 400;

    private static readonly int[] s_sizes = [1, 2, 4, 8];

    [Fact]
    public void Programs_may_access_what_the_layouts_say()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        var differences = new List<string>();
        int accesses = 0;
        int excepted = 0;
        foreach (TrialPlace place in Distinct(trial.Places(out _)))
        {
            ContextLayout layout = ContextLayout.For(place.Type)!;
            ContextUsers users = ContextLayout.UsersOf(place.Type, place.AttachType);
            for (int offset = 0; offset < Math.Min(layout.Size + 8, Longest); offset++)
            {
                foreach (int size in s_sizes)
                {
                    // The kernel judges no unaligned access by the field, so one size is enough to see that it refuses.
                    if (offset % size != 0 && size != 2)
                    {
                        continue;
                    }

                    Try(place, layout, users, offset, size, isWrite: false);
                    Try(place, layout, users, offset, size, isWrite: true);
                }
            }
        }

        output.WriteLine($"{accesses} accesses tried, {accesses - excepted - differences.Count} agree, {excepted} listed exceptions");
        Assert.True(differences.Count == 0, string.Join('\n', differences));

        void Try(TrialPlace place, ContextLayout layout, ContextUsers users, int offset, int size, bool isWrite)
        {
            Instruction[] code = isWrite
                ? [KernelTrial.Move(Register.R0, 1), KernelTrial.Store(size, Register.R1, offset, Register.R0), KernelTrial.Exit]
                : [KernelTrial.Load(size, Register.R0, Register.R1, offset), .. KernelTrial.Return(1)];
            bool kernel = trial.Load(place, code).IsAccepted;
            bool table = layout.Allows(users, offset, size, isWrite);
            accesses++;
            if (kernel == table)
            {
                return;
            }

            string act = isWrite ? "write" : "read";
            string field = layout.FieldAt(offset)?.Name ?? "padding";
            if (TableExceptions.Holds(Check, $"{act} {field}", place.ToString()))
            {
                excepted++;
                return;
            }

            differences.Add($"{place}: {act} of {size} at {offset} of {layout.Name} ({field}): table {table}, kernel {kernel}");
        }
    }

    [Fact]
    public void Pointers_in_contexts_are_of_the_kind_the_layouts_say()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        var differences = new List<string>();
        int tried = 0;
        foreach (TrialPlace place in Distinct(trial.Places(out _)))
        {
            ContextUsers users = ContextLayout.UsersOf(place.Type, place.AttachType);
            foreach (ContextField field in ContextLayout.For(place.Type)!.Fields)
            {
                if ((field.Readers & users) == 0)
                {
                    continue;
                }

                int size = Math.Min(field.Size, field.Width is ContextWidth.NarrowWords or ContextWidth.WideWords ? 4 : 8);
                size = s_sizes.Last(candidate => candidate <= size && field.Offset % candidate == 0);
                if (!field.Allows(field.Offset, size, isWrite: false))
                {
                    continue;
                }

                tried++;
                string log = trial.Load(place, [KernelTrial.Load(size, Register.R0, Register.R1, field.Offset), .. KernelTrial.Return(1)], logLevel: 2).Log;
                string expected = StateOf(field);
                string? state = log.Split('\n').Select(line => line.Split(" ; R0", 2)).Where(parts => parts.Length == 2).Select(parts => parts[1]).FirstOrDefault();
                string found = state is null ? "nothing" : state.Split('(', ' ')[0].TrimStart('_', 'w', '=');
                if (found != expected)
                {
                    differences.Add($"{place}: {field.Name} yields {found}, by the table {expected}");
                }
            }
        }

        output.WriteLine($"{tried} fields looked at");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Sizes_and_offsets_of_structures_are_those_of_the_kernels_types()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        Assert.SkipWhen(engine.Target.Types is null, "needs the kernel's BTF");
        BtfTypes types = engine.Target.Types!;
        ContextLayout[] layouts =
        [
            ContextLayout.SocketBuffer, ContextLayout.Xdp, ContextLayout.CreatedSocket, ContextLayout.Socket, ContextLayout.SocketCommon, ContextLayout.TcpSocket, ContextLayout.XdpSocket,
            ContextLayout.FlowKeys, ContextLayout.SocketAddress, ContextLayout.SocketOperations, ContextLayout.DeviceAccess, ContextLayout.SocketMessage, ContextLayout.PortSharing,
            ContextLayout.Sysctl, ContextLayout.SocketOption, ContextLayout.SocketLookup, ContextLayout.PerfEventData, ContextLayout.Registers, ContextLayout.NetfilterHook,
        ];
        var differences = new List<string>();
        int fields = 0;
        foreach (ContextLayout layout in layouts)
        {
            BtfType type = types[types.Find(BtfKind.Struct, layout.Name)];
            Assert.False(type.IsVoid, $"no struct {layout.Name} in the kernel's BTF");
            if (type.Size != layout.Size)
            {
                differences.Add($"{layout.Name}: {layout.Size} bytes, kernel {type.Size}");
            }

            Dictionary<string, int> members = Enumerable.Range(0, type.Count).Where(i => type.MemberName(i).Length > 0)
                .ToDictionary(type.MemberName, i => type.Member(i).ByteOffset, StringComparer.Ordinal);
            foreach (ContextField field in layout.Fields.Where(field => members.ContainsKey(field.Name)))
            {
                fields++;
                if (members[field.Name] != field.Offset)
                {
                    differences.Add($"{layout.Name}.{field.Name}: at {field.Offset}, kernel {members[field.Name]}");
                }
            }
        }

        output.WriteLine($"{layouts.Length} structures, {fields} named fields compared");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(fields > 150);
    }

    [Fact]
    public void Structures_behind_pointers_may_be_accessed_as_the_layouts_say()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        using var builder = new HelperCallBuilder();
        var socketBuffer = new TrialPlace(ProgramType.SchedCls, null, TypeId.Void, false);
        Instruction[] socket = [KernelTrial.Load(8, Register.R0, Register.R1, ContextLayout.SocketBuffer.Field("sk").Offset)];
        (ContextLayout Layout, TrialPlace Place, Instruction[] Pointer, HelperId? Helper)[] pointers =
        [
            (ContextLayout.SocketCommon, socketBuffer, socket, null),
            (ContextLayout.Socket, socketBuffer, socket, HelperId.SkFullsock),
            (ContextLayout.TcpSocket, socketBuffer, socket, HelperId.TcpSock),
            (ContextLayout.XdpSocket, new TrialPlace(ProgramType.Xdp, AttachType.Xdp, TypeId.Void, false),
            [
                new Instruction(new Opcode(0x7a), Register.R10, Register.R0, -8, 0),
                KernelTrial.Copy(Register.R2, Register.R10), new Instruction(new Opcode(0x07), Register.R2, Register.R0, 0, -8),
                new Instruction(new Opcode(Opcodes.LoadImmediate64), Register.R1, (Register)PseudoLoad.MapFd, 0, builder.Map(MapType.Xskmap).Descriptor), default,
                KernelTrial.Call((int)HelperId.MapLookupElem),
            ], null),
            (ContextLayout.FlowKeys, new TrialPlace(ProgramType.FlowDissector, AttachType.FlowDissector, TypeId.Void, false),
                [KernelTrial.Load(8, Register.R0, Register.R1, ContextLayout.SocketBuffer.Field("flow_keys").Offset)], null),
        ];
        var differences = new List<string>();
        int accesses = 0;
        foreach ((ContextLayout layout, TrialPlace place, Instruction[] pointer, HelperId? helper) in pointers)
        {
            for (int offset = 0; offset < layout.Size + 8; offset++)
            {
                foreach (int size in s_sizes.Where(size => offset % size == 0))
                {
                    Try(layout, place, pointer, helper, offset, size, isWrite: false);
                    Try(layout, place, pointer, helper, offset, size, isWrite: true);
                }
            }
        }

        output.WriteLine($"{accesses} accesses tried");
        Assert.True(differences.Count == 0, string.Join('\n', differences));

        void Try(ContextLayout layout, TrialPlace place, Instruction[] pointer, HelperId? helper, int offset, int size, bool isWrite)
        {
            // Each pointer is tested for null on its way: the end is reached by as many slots as are left.
            List<Instruction> code = [.. pointer];
            if (helper is { } second)
            {
                code.AddRange([JumpIfZero(4), KernelTrial.Copy(Register.R1, Register.R0), KernelTrial.Call((int)second), JumpIfZero(1)]);
            }
            else
            {
                code.Add(JumpIfZero(1));
            }

            code.Add(isWrite ? new Instruction(new Opcode((byte)(KernelTrial.Store(size, Register.R0, 0, Register.R0).Opcode.Value - 1)), Register.R0, Register.R0, (short)offset, 0)
                : KernelTrial.Load(size, Register.R0, Register.R0, offset));
            code.AddRange(KernelTrial.Return(1));
            bool kernel = trial.Load(place, [.. code]).IsAccepted;
            accesses++;
            if (kernel != layout.Allows(ContextUsers.Owner, offset, size, isWrite))
            {
                differences.Add($"{layout.Name}: {(isWrite ? "write" : "read")} of {size} at {offset}: table {!kernel}, kernel {kernel}");
            }
        }

        static Instruction JumpIfZero(short over) => new(new Opcode(0x15), Register.R0, Register.R0, over, 0);
    }

    // The attach types of one type with the same users see the same context.
    private static IEnumerable<TrialPlace> Distinct(IEnumerable<TrialPlace> places) =>
        places.Where(place => ContextLayout.For(place.Type) is not null).DistinctBy(place => (place.Type, ContextLayout.UsersOf(place.Type, place.AttachType)));

    // How the verifier's log writes it.
    private static string StateOf(ContextField field) => field.Kind switch
    {
        ContextFieldKind.PacketData => "pkt",
        ContextFieldKind.PacketEnd => "pkt_end",
        ContextFieldKind.PacketMeta => "pkt_meta",
        ContextFieldKind.Socket => "sock",
        ContextFieldKind.SocketCommon => "sock_common",
        ContextFieldKind.FlowKeys => "flow_keys",
        ContextFieldKind.TracepointBuffer => "tp_buffer",
        ContextFieldKind.BtfPointer => "trusted_ptr_" + field.TypeName,
        _ => "scalar",
    } + (field.IsNullable ? "_or_null" : "");
}
