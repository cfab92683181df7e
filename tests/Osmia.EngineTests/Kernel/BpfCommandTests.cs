using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Bytecode.Classic;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Links;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Kernel.Syscalls.Tracing;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>The commands of bpf(2): each has a call with types of its own.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public unsafe partial class BpfCommandTests
{
    /// <summary>Who makes each call for a user of the engine.</summary>
    private static readonly (BpfCommand Command, Type Type, string Method)[] s_calls =
    [
        (BpfCommand.MapCreate, typeof(KernelInventory), nameof(KernelInventory.CreateMap)),
        (BpfCommand.MapLookup, typeof(KernelMap), nameof(KernelMap.TryLookup)),
        (BpfCommand.MapUpdate, typeof(KernelMap), nameof(KernelMap.Update)),
        (BpfCommand.MapDelete, typeof(KernelMap), nameof(KernelMap.Delete)),
        (BpfCommand.MapNextKey, typeof(KernelMap), nameof(KernelMap.TryNextKey)),
        (BpfCommand.ProgramLoad, typeof(KernelEngine), nameof(KernelEngine.Load)),
        (BpfCommand.ObjectPin, typeof(KernelInventory), nameof(KernelInventory.Pin)),
        (BpfCommand.ObjectGet, typeof(KernelInventory), nameof(KernelInventory.OpenPinned)),
        (BpfCommand.ProgramAttach, typeof(ProgramAttachments), nameof(ProgramAttachments.Attach)),
        (BpfCommand.ProgramDetach, typeof(ProgramAttachments), nameof(ProgramAttachments.Detach)),
        (BpfCommand.ProgramTestRun, typeof(KernelProgram), nameof(KernelProgram.Run)),
        (BpfCommand.ProgramNextId, typeof(KernelInventory), nameof(KernelInventory.Programs)),
        (BpfCommand.MapNextId, typeof(KernelInventory), nameof(KernelInventory.Maps)),
        (BpfCommand.ProgramFromId, typeof(KernelInventory), nameof(KernelInventory.OpenProgram)),
        (BpfCommand.MapFromId, typeof(KernelInventory), nameof(KernelInventory.OpenMap)),
        (BpfCommand.ObjectInfo, typeof(KernelInventory), nameof(KernelInventory.Describe)),
        (BpfCommand.ProgramQuery, typeof(ProgramAttachments), nameof(ProgramAttachments.OfCgroup)),
        (BpfCommand.RawTracepointOpen, typeof(KernelEngine), nameof(KernelEngine.Attach)),
        (BpfCommand.BtfLoad, typeof(KernelEngine), nameof(KernelEngine.Load)),
        (BpfCommand.BtfFromId, typeof(KernelInventory), nameof(KernelInventory.BtfBytes)),
        (BpfCommand.TaskFdQuery, typeof(PerfAttachments), nameof(PerfAttachments.All)),
        (BpfCommand.MapLookupAndDelete, typeof(KernelMap), nameof(KernelMap.TryTake)),
        (BpfCommand.MapFreeze, typeof(KernelMap), nameof(KernelMap.Freeze)),
        (BpfCommand.BtfNextId, typeof(KernelInventory), nameof(KernelInventory.Btfs)),
        (BpfCommand.MapLookupBatch, typeof(KernelMap), nameof(KernelMap.ReadBatch)),
        (BpfCommand.MapLookupAndDeleteBatch, typeof(KernelMap), nameof(KernelMap.ReadBatch)),
        (BpfCommand.MapUpdateBatch, typeof(KernelMap), nameof(KernelMap.UpdateBatch)),
        (BpfCommand.MapDeleteBatch, typeof(KernelMap), nameof(KernelMap.DeleteBatch)),
        (BpfCommand.LinkCreate, typeof(KernelEngine), nameof(KernelEngine.Attach)),
        (BpfCommand.LinkUpdate, typeof(LinkChanges), nameof(LinkChanges.Replace)),
        (BpfCommand.LinkFromId, typeof(KernelInventory), nameof(KernelInventory.OpenLink)),
        (BpfCommand.LinkNextId, typeof(KernelInventory), nameof(KernelInventory.Links)),
        (BpfCommand.EnableStatistics, typeof(RunStatistics), nameof(RunStatistics.Enable)),
        (BpfCommand.IteratorCreate, typeof(KernelIterator), nameof(KernelIterator.OpenRead)),
        (BpfCommand.LinkDetach, typeof(KernelInventory), nameof(KernelInventory.DetachLink)),
        (BpfCommand.ProgramBindMap, typeof(KernelProgram), nameof(KernelProgram.Bind)),
        (BpfCommand.TokenCreate, typeof(BpfToken), nameof(BpfToken.Create)),
        (BpfCommand.ProgramStreamRead, typeof(ProgramStreams), nameof(ProgramStreams.ReadStream)),
    ];

    [Fact]
    public void Every_command_of_this_kernel_has_a_typed_call_and_its_name()
    {
        Assert.Equal(Enum.GetValues<BpfCommand>(), s_calls.Select(call => call.Command));
        Assert.All(s_calls, call => Assert.NotEmpty(call.Type.GetMember(call.Method, BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static)));
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BtfTypes? types = engine.Target.Types;
        TypeId id = types?.Find(BtfKind.Enum, "bpf_cmd") ?? TypeId.Void;
        Assert.SkipWhen(types is null || id.IsVoid, "needs kernel BTF");
        BtfType commands = types![id];
        int compared = 0;
        for (int i = 0; i < commands.Count; i++)
        {
            BtfEnumerator enumerator = commands.Enumerator(i);
            string name = types.String(enumerator.NameOffset);

            // Two commands have an old name too; a mark ends the list. What Linux 6.18 does not have is not asked for.
            if (!name.StartsWith("__", StringComparison.Ordinal) && name != "BPF_PROG_RUN" && enumerator.Value <= (int)BpfCommand.ProgramStreamRead)
            {
                Assert.Equal(name, BpfCallText.NameOf((BpfCommand)enumerator.Value));
                compared++;
            }
        }

        Assert.InRange(compared, (int)BpfCommand.IteratorCreate, s_calls.Length);
    }

    [Fact]
    public void A_bound_map_lives_as_long_as_the_program()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([new Asm().Move(R0, 0).Exit().Build("binds", ProgramType.SocketFilter)], []), LoadOptions.Default);
        uint id;
        using (LoadedObject other = engine.Load(Linked.Maps(Linked.Counter())))
        {
            var map = (KernelMap)other.Maps[0];
            id = map.Id;
            ((KernelProgram)loaded.Programs[0]).Bind(map);
        }

        Assert.Contains(KernelInventory.Maps(), map => map.Id == id);
        loaded.Dispose();
        KernelTest.Eventually(() => KernelInventory.Maps().All(map => map.Id != id), "the map is gone");
    }

    [Fact]
    public void Devices_are_not_listed_where_netlink_is_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "the filter is written for x86-64 Linux");

        // socket(AF_NETLINK, ...) is EPERM, for this thread alone.
        const string Filter = """
            ld [4]
            jeq #0xc000003e jt 2 jf 7
            ld [0]
            jeq #41 jt 4 jf 7
            ld [16]
            jeq #16 jt 6 jf 7
            ret #0x50001
            ret #0x7fff0000
            """;
        bool isInstalled = false;
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            byte[] code = ClassicText.Read(Filter, out _)!.ToBytes();
            fixed (byte* pointer = code)
            {
                const int SetNoNewPrivileges = 38;
                const int SetSeccomp = 22;
                var program = new FilterProgram { Length = (ushort)(code.Length / ClassicInstruction.SizeInBytes), Code = pointer };
                isInstalled = Control(SetNoNewPrivileges, 1, 0, 0, 0) == 0 && Control(SetSeccomp, 2, (nint)(&program), 0, 0) == 0;
            }

            thrown = isInstalled ? Record.Exception(() => NetworkAttachments.Devices()) : null;
        });
        thread.Start();
        thread.Join();
        Assert.SkipUnless(isInstalled, "needs seccomp");
        var refused = Assert.IsType<KernelException>(thrown);
        Assert.Equal(("OSM5076", 1), (refused.Id, refused.Errno));
        Assert.NotEmpty(NetworkAttachments.Devices());
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FilterProgram
    {
        public ushort Length;
        public byte* Code;
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nint a, nint b, nint c, nint d);
}
