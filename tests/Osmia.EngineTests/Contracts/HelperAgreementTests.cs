using System.Buffers.Binary;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>Contexts, packet helpers and instructions: the kernel's verdict, packet and context after a run are the VM's.</summary>
[SupportedOSPlatform("linux")]
public sealed class HelperAgreementTests
{
    public static TheoryData<string> Programs => [.. File.ReadLines(RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Contracts", "helpers.data")).Where(line => line.Length > 0 && line[0] != '#')];

    [Theory]
    [MemberData(nameof(Programs))]
    public void The_vm_does_what_the_kernel_does(string line)
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        (ProgramType type, LinkedMap[] maps, string code) = HelperCase.Read(line);
        LinkedProgram program = TestPrograms.Program(code, type, attachType: AttachTypeOf(type));
        LinkedObject linked = TestPrograms.Object([program], maps) with { License = "GPL" };
        using var ways = new VmWays(linked, slots: 2);
        using LoadedObject inKernel = kernel.Load(linked, LoadOptions.Default);
        foreach ((string name, byte[] frame) in Frames())
        {
            Outcome expected = Run(inKernel, frame);
            foreach ((string way, LoadedObject inVm) in ways.All)
            {
                Outcome actual = Run(inVm, frame);
                Assert.True(expected == actual, $"{line}\n{name}, {way}\nkernel: {expected}\nvm: {actual}");
            }
        }
    }

    private sealed record Outcome(uint Verdict, int Length, string Data, string Context, string Maps)
    {
        public override string ToString() => $"r0 = {(int)Verdict}, {Length} bytes\n{Data}\n{Context}\n{Maps}";
    }

    private static Outcome Run(LoadedObject loaded, byte[] frame)
    {
        LoadedProgram program = loaded.Programs[0];
        byte[] data = new byte[8192];
        byte[] context = new byte[program.Type == ProgramType.Xdp ? 24 : 192];
        ProgramRunResult result = program.Run(new ProgramRun { Data = frame, DataOut = data, ContextOut = context });
        if (program.Type == ProgramType.Xdp)
        {
            // Without an input context the kernel leaves the interface 0 here.
            context.AsSpan(12).Clear();
        }

        return new((uint)result.ReturnValue, result.DataLength, Convert.ToHexStringLower(data.AsSpan(0, result.DataLength)), Convert.ToHexStringLower(context),
            string.Join(' ', loaded.Maps.Where(map => map.Type == MapType.Array).Select(FirstElement)));
    }

    private static string FirstElement(Map map)
    {
        byte[] value = new byte[map.ValueSize];
        Assert.True(map.TryLookup(new byte[4], value));
        return Convert.ToHexStringLower(value);
    }

    private static AttachType? AttachTypeOf(ProgramType type) => type switch
    {
        ProgramType.CgroupSkb => AttachType.CgroupInetIngress,
        ProgramType.Xdp => AttachType.Xdp,
        _ => null,
    };

    private static IEnumerable<(string Name, byte[] Frame)> Frames()
    {
        byte[] tcp =
        [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
            0x45, 0, 0, 46, 0, 1, 0, 0, 64, 6, 0x12, 0x34, 192, 168, 1, 1, 10, 0, 0, 1,
            0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6,
        ];
        yield return ("tcp", tcp);
        byte[] broadcast = [.. tcp];
        broadcast.AsSpan(0, 6).Fill(0xff);
        yield return ("broadcast", broadcast);
        byte[] own = [.. tcp];
        own.AsSpan(0, 6).Clear();
        yield return ("to loopback's address", own);
        byte[] multicast = [.. tcp];
        multicast[0] = 1;
        yield return ("multicast", multicast);
        yield return ("tagged", [.. tcp[..12], 0x81, 0, 0x20, 7, .. tcp[12..]]);
        yield return ("tagged twice", [.. tcp[..12], 0x88, 0xa8, 0, 9, 0x81, 0, 0x20, 7, .. tcp[12..]]);
        byte[] ip6 = new byte[14 + 40 + 20];
        ip6.AsSpan(14).Fill(3);
        BinaryPrimitives.WriteUInt16BigEndian(ip6.AsSpan(12), 0x86dd);
        ip6[14] = 0x60;
        yield return ("ip6", ip6);
        byte[] length = [.. tcp];
        BinaryPrimitives.WriteUInt16BigEndian(length.AsSpan(12), 46);
        yield return ("802.2", length);
        yield return ("short", [.. tcp[..12], 8, 6, 1, 2, 3, 4, 5, 6]);
    }
}
