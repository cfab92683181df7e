using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Bytecode.Classic;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Classic;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Contracts;
using Osmia.Tests.Kernel;
using Osmia.Vm;

namespace Osmia.Tests.Classic;

/// <summary>Random classic filters: the running kernel, which runs them as they are, against their eBPF form in every engine.</summary>
/// <remarks><c>OSMIA_CLASSIC_SEED</c> repeats one filter.</remarks>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class ClassicAgreementTests
{
    private const int PacketsPerFilter = 5;
    private const string FrameSection = "tc";
    private const int ShortestFrame = 14;

    [Fact]
    public void Random_filters_keep_as_many_bytes_as_in_the_kernel()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        using var socket = new FilteredSocket();
        int filters = 0;
        int packets = 0;
        int last = ForEachSeed(seed =>
        {
            var random = new Random(seed);
            int length = random.Next(1, 120);
            ClassicProgram filter = new ClassicGenerator(random).Valid(length);
            Assert.True(socket.TryAttach(filter), $"seed {seed}: the kernel refuses the filter\n{Listing(filter)}");
            using var ways = new VmWays(Linked(filter), slots: 1);
            for (int i = 0; i < PacketsPerFilter; i++)
            {
                byte[] packet = new byte[random.Next(4) == 0 ? length : ClassicGenerator.MaxResult + 1];
                random.NextBytes(packet);
                uint expected = ClassicReference.Run(filter, packet);
                int kept = socket.Send(packet);
                Assert.True(kept == Math.Min(expected, packet.Length), $"seed {seed}: the kernel keeps {kept} of {packet.Length} bytes, the reference {expected}\n{Listing(filter)}");
                foreach ((string name, LoadedObject loaded) in ways.All)
                {
                    ulong actual = loaded.Programs[0].Run(new ProgramRun { Data = packet }).ReturnValue;
                    Assert.True(actual == expected, $"seed {seed}: {name} returns {actual}, the reference {expected}, for {Convert.ToHexStringLower(packet)}\n{Listing(filter)}");
                }

                packets++;
            }

            filters++;
        });
        Say($"{filters} filters agreed on {packets} packets, last seed {last}");
        Assert.True(filters > 0);
    }

    [Fact]
    public void Translated_filters_load_into_the_kernel_and_return_the_same()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        int filters = 0;
        int last = ForEachSeed(seed =>
        {
            var random = new Random(seed);
            ClassicProgram filter = new ClassicGenerator(random).Valid(64);
            using LoadedObject loaded = LoadOrSay(kernel, filter, seed);
            for (int i = 0; i < PacketsPerFilter; i++)
            {
                byte[] packet = new byte[random.Next(ShortestFrame, 128)];
                random.NextBytes(packet);
                if (!loaded.Programs[0].TakesFrame(packet))
                {
                    // By chance an Ethernet type whose header is not there.
                    continue;
                }

                ulong actual = loaded.Programs[0].Run(new ProgramRun { Data = packet }).ReturnValue;
                uint expected = ClassicReference.Run(filter, packet);
                Assert.True(actual == expected, $"seed {seed}: the kernel returns {actual}, the reference {expected}, for {Convert.ToHexStringLower(packet)}\n{Listing(filter)}");
            }

            filters++;
        });
        Say($"{filters} translated filters agreed, last seed {last}");
        Assert.True(filters > 0);
    }

    [Fact]
    public void Filters_are_valid_exactly_when_the_kernel_takes_them()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        using var socket = new FilteredSocket();
        int taken = 0;
        int refused = 0;
        int last = ForEachSeed(seed =>
        {
            var random = new Random(seed);
            ClassicProgram filter = new ClassicGenerator(random).Mutant(64);
            if (filter.Instructions.Length == 0)
            {
                return;
            }

            bool isTaken = socket.TryAttach(filter);
            ClassicProblem? problem = ClassicCheck.Check(filter);
            Assert.True(isTaken == problem is null, $"seed {seed}: the kernel {(isTaken ? "takes" : "refuses")} the filter, the check says {problem?.ToString() ?? "nothing"}\n{Listing(filter)}");
            (taken, refused) = isTaken ? (taken + 1, refused) : (taken, refused + 1);
        });
        Say($"{taken} filters taken and {refused} refused alike, last seed {last}");
        Assert.True(taken > 0 && refused > 0);
    }

    private static LinkedObject Linked(ClassicProgram filter)
    {
        BpfObject translated = ClassicObject.Translate(filter, section: FrameSection);
        return Linker.Link(translated, new Target("test"));
    }

    private static LoadedObject LoadOrSay(KernelEngine kernel, ClassicProgram filter, int seed)
    {
        try
        {
            return kernel.Load(Linked(filter), LoadOptions.Default);
        }
        catch (KernelException refusal)
        {
            Assert.Fail($"seed {seed}: the kernel refuses the translation: {refusal}\n{refusal.VerifierLog}\n{Listing(filter)}");
            throw;
        }
    }

    /// <returns>The last seed.</returns>
    private static int ForEachSeed(Action<int> act)
    {
        string? fixedSeed = Environment.GetEnvironmentVariable("OSMIA_CLASSIC_SEED");
        // On a build server the same filters each time: a fault of its kernel must not look like one of the change.
        int seed = fixedSeed is not null ? int.Parse(fixedSeed, CultureInfo.InvariantCulture) : Environment.GetEnvironmentVariable("CI") is null ? Environment.TickCount : 1;
        TimeSpan budget = Budget.For("packets") / 3;
        var clock = Stopwatch.StartNew();
        do
        {
            act(seed++);
        }
        while (fixedSeed is null && clock.Elapsed < budget && seed != ClassicGenerator.KnownSeeds + 1);

        return seed - 1;
    }

    private static string Listing(ClassicProgram filter)
    {
        using var text = new StringWriter();
        ClassicListing.Write(text, filter);
        return text.ToString();
    }

    private static void Say(string summary)
    {
        TestContext.Current.SendDiagnosticMessage(summary);
        TestContext.Current.TestOutputHelper?.WriteLine(summary);
    }
}
