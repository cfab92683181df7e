using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Bytecode.Classic;
using Osmia.Objects;
using Osmia.Objects.Classic;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Verification;
using Osmia.Vm;
using Osmia.Vm.Hooks;

namespace Osmia.Tests.Classic;

/// <summary>Seccomp filters: the kernel, which runs one on a thread of the test's own, beside the virtual machine.</summary>
public unsafe partial class SeccompTests
{
    private const int Architecture = unchecked((int)0xc000003e);
    private const int GetProcessGroup = 121;

    /// <summary>SECCOMP_RET_ERRNO with a number made of the arguments for getpgid, SECCOMP_RET_ALLOW for the rest.</summary>
    private const string Filter = """
        ld [4]
        jeq #0xc000003e jt 2 jf 16
        ld [0]
        jeq #121 jt 4 jf 16
        ldx #pktlen
        ld [16]
        add x
        st M[2]
        ld [24]
        xor #0x5a
        tax
        ld M[2]
        mul x
        and #0x7ff
        or #0x50001
        ret
        ret #0x7fff0000
        """;

    [Fact]
    public void A_filter_answers_as_in_the_kernel()
    {
        using var engine = new VmEngine(new VmOptions { Tier = VmTier.Il });
        using LoadedObject loaded = engine.Load(Translated());
        using Hook<SeccompData> hook = engine.CreateHook(SeccompHook.Type);
        using HookLink link = hook.Attach(loaded.Programs[0]);
        var data = new SeccompData { Number = GetProcessGroup, Architecture = unchecked((uint)Architecture) };
        int[] first = [0, 1, 77, -1, int.MaxValue];
        int compared = 0;
        foreach (int second in (int[])[0, 1, 0x12345, -7])
        {
            int[]? errors = ErrorsOf(first, second);
            compared += errors?.Length ?? 0;
            for (int i = 0; i < first.Length; i++)
            {
                SeccompArguments arguments = default;
                arguments[0] = unchecked((ulong)(long)first[i]);
                arguments[1] = unchecked((ulong)(long)second);
                data.Arguments = arguments;
                uint answer = (uint)hook.Fire(ref data);
                Assert.Equal(0x50000u, answer & 0xffff0000);
                if (errors is not null)
                {
                    Assert.Equal(errors[i], (int)(answer & 0xffff));
                }
            }
        }

        data.Number = 0;
        Assert.Equal(0x7fff0000, hook.Fire(ref data));
        data = data with { Number = GetProcessGroup, Architecture = 1 };
        Assert.Equal(0x7fff0000, hook.Fire(ref data));
        Assert.SkipUnless(compared > 0, "needs seccomp on x86-64 Linux to compare with");
    }

    [Fact]
    public void A_filter_verifies_and_has_no_helpers()
    {
        using var engine = new VmEngine();
        LinkedObject linked = Linker.Link(Translated(), engine.Target);
        Assert.NotNull(VerifiedProgram.Prove(linked, linked.Programs[0], engine.Target, out _));
        Assert.Equal("seccomp", linked.Programs[0].Section.Name);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void The_kernel_engine_refuses_it_by_the_name_of_its_section()
    {
        using Osmia.Kernel.KernelEngine engine = KernelTest.OpenOrSkip();
        var refusal = Assert.Throws<RelocationException>(() => engine.Load(Translated()));
        Assert.Equal("OSM2009", refusal.Id);
        Assert.Contains("seccomp", refusal.Message, StringComparison.Ordinal);
    }

    private const Architecture Architecture64 = System.Runtime.InteropServices.Architecture.X64;

    private static BpfObject Translated() => ClassicObject.Translate(ClassicText.Read(Filter, out _)! with { Use = ClassicUse.Seccomp });

    /// <returns>Null where the kernel cannot be asked.</returns>
    private static int[]? ErrorsOf(int[] first, int second)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture64)
        {
            return null;
        }

        int[] errors = new int[first.Length];
        bool isInstalled = false;

        // A filter stays with its thread, which ends here.
        var thread = new Thread(() =>
        {
            byte[] code = (ClassicText.Read(Filter, out _)!).ToBytes();
            fixed (byte* pointer = code)
            {
                var program = new FilterProgram { Length = (ushort)(code.Length / ClassicInstruction.SizeInBytes), Code = pointer };
                const int SetNoNewPrivileges = 38;
                const int SetSeccomp = 22;
                isInstalled = Control(SetNoNewPrivileges, 1, 0, 0, 0) == 0 && Control(SetSeccomp, 2, (nint)(&program), 0, 0) == 0;
            }

            for (int i = 0; isInstalled && i < errors.Length; i++)
            {
                errors[i] = SystemCall(GetProcessGroup, first[i], second) == -1 ? Marshal.GetLastPInvokeError() : 0;
            }
        });
        thread.Start();
        thread.Join();
        return isInstalled ? errors : null;
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint a, nint b);

    [StructLayout(LayoutKind.Sequential)]
    private struct FilterProgram
    {
        public ushort Length;
        public byte* Code;
    }
}
