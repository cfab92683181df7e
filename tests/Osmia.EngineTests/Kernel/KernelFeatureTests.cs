using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Features;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Tests.Tables;

namespace Osmia.Tests.Kernel;

/// <summary>What the kernel is found to offer, beside the tables and beside what really loads.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class KernelFeatureTests(ITestOutputHelper output)
{
    [Fact]
    public void Helpers_found_are_those_of_the_table()
    {
        KernelTrial.OpenOrSkip();
        KernelFeatures features = KernelFeatures.Probe();
        var differences = new List<string>();
        int compared = 0;
        foreach (ProgramTypeFacts row in ProgramTypeTable.All.Where(row => features.Program(row.Type).IsAvailable))
        {
            foreach (Helper helper in HelperTable.All)
            {
                // Where the attach types that have the helper do not load here, nothing can be tried.
                if (helper.SignatureFor(row.Type) is { } signature && signature.CallerFor(row.Type)!.AttachTypes is { Count: > 0 } places
                    && (!places.Any(place => features.Attach(row.Type, place).IsAvailable) || places.Any(place => TableExceptions.Holds("helper", helper.Name, $"{row.Type.ToKernelName()}/{place.ToKernelName()}"))))
                {
                    continue;
                }

                FeatureAnswer answer = features.Helper(helper.Id, row.Type);
                compared++;
                if (answer.IsAvailable != helper.SignatureFor(row.Type) is not null && !TableExceptions.Holds("helper", helper.Name, row.Type.ToKernelName()))
                {
                    differences.Add($"{helper.Name} in {row.Type.ToKernelName()}: found {answer.IsAvailable} ({answer.Reason})");
                }
            }
        }

        output.WriteLine($"{compared} cells compared");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(compared > 5000);
    }

    [Fact]
    public void Whatever_is_missing_has_a_reason_and_the_same_one_when_asked_again()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        int missing = 0;
        foreach (ProgramTypeFacts row in ProgramTypeTable.All)
        {
            foreach (AttachType attach in row.AttachTypes)
            {
                FeatureAnswer answer = engine.Features.Attach(row.Type, attach);
                Assert.Equal(answer.IsAvailable, answer.Reason.Length == 0);
                Assert.Same(answer.Reason, engine.Features.Attach(row.Type, attach).Reason);
                missing += answer.IsAvailable ? 0 : 1;
            }
        }

        foreach (MapType type in Enum.GetValues<MapType>().Where(type => type != MapType.Unspec))
        {
            FeatureAnswer answer = engine.Features.Map(type);
            Assert.Equal(answer.IsAvailable, answer.Reason.Length == 0);
        }

        output.WriteLine($"{missing} attach types missing on {engine.Target.Name}");
    }

    [Fact]
    public void What_is_older_than_any_kernel_tested_is_found_and_what_is_newer_is_told_by_the_types()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        Assert.True(engine.Features.Attach(ProgramType.CgroupSkb, AttachType.CgroupInetIngress).IsAvailable);
        Assert.True(engine.Features.Map(MapType.Ringbuf).IsAvailable);
        Assert.True(engine.Features.Helper(HelperId.MapLookupElem, ProgramType.Xdp).IsAvailable);
        Assert.False(engine.Features.Helper(HelperId.XdpAdjustHead, ProgramType.SocketFilter).IsAvailable);
        if (engine.Target.Types is not null && engine.Target.KernelVersion < 0x70200)
        {
            FeatureAnswer answer = engine.Features.Attach(ProgramType.Tracing, AttachType.TraceFentryMulti);
            Assert.Equal((false, FeatureSource.KernelTypes), (answer.IsAvailable, answer.Source));
            Assert.Contains("7.2", answer.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Without_rights_every_answer_names_the_capability()
    {
        KernelTest.OpenOrSkip().Dispose();
        Assert.SkipUnless(File.ReadAllText("/proc/sys/kernel/unprivileged_bpf_disabled").Trim() != "0", "needs a kernel that keeps bpf(2) from others");
        UnprivilegedThread.Run(() =>
        {
            KernelFeatures features = KernelFeatures.Probe();
            Assert.Contains("CAP_BPF", features.Map(MapType.Hash).Reason, StringComparison.Ordinal);
            Assert.Contains("CAP_PERFMON", features.Attach(ProgramType.Tracepoint, AttachType.PerfEvent).Reason, StringComparison.Ordinal);
            Assert.Contains("CAP_NET_ADMIN", features.Attach(ProgramType.Xdp, AttachType.Xdp).Reason, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Every_errno_has_a_name_a_reason_and_something_to_try()
    {
        Assert.Contains(524, Errno.All);
        Assert.Equal(Errno.All.Count(), Errno.All.Distinct().Count());
        foreach (int errno in Errno.All)
        {
            KernelException error = Refusal.Of("OSM5012", "a call was refused", "bpf(BPF_MAP_UPDATE_ELEM)", -errno, "map 'm'");
            Assert.Equal(errno, error.Errno);
            Assert.Contains(Errno.Name(errno), error.Diagnostic.Why, StringComparison.Ordinal);
            Assert.DoesNotContain("errno ", error.Diagnostic.Why, StringComparison.Ordinal);
            Assert.False(string.IsNullOrEmpty(error.Diagnostic.Try));
        }
    }
}
