using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Assembly;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;
using Osmia.Vm.Hooks;

namespace Osmia.Tests.Vm.Hooks;

/// <summary>An application's own hook: contexts, helpers, order, replacement, faults.</summary>
public class HookTests
{
    private const string Discount = """
        .section pricing/discount
        discount:
            r6 = r1
            w1 = *(u32 *)(r6 + 0)
            call 65536
            w7 = w0
            w2 = *(u32 *)(r6 + 4)
            w7 *= w2
            *(u32 *)(r6 + 16) = w7
            w0 = 5
            exit
        """;

    public static TheoryData<string> Ways => System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == Architecture.X64 && !OperatingSystem.IsWindows() ? ["interpreter", "il", "verified", "x64", "x64 verified"] : ["interpreter", "il", "verified"];

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_program_reads_the_context_calls_the_application_and_writes_back(string way)
    {
        var type = new HookType<Order>("pricing").Helper("percent_of", (uint article) => article == 7 ? 3u : 0u);
        using var engine = Engine(type, way);
        using LoadedObject loaded = Load(engine, Discount, way);
        using Hook<Order> hook = engine.CreateHook(type);
        using HookLink link = hook.Attach(loaded.Programs[0]);
        var order = new Order { Article = 7, Quantity = 11, Price = 100 };

        Assert.Equal(5, hook.Fire(ref order));
        Assert.Equal((33u, 7u, 100ul), (order.Discount, order.Article, order.Price));
        Assert.Equal(new HookStatistics(1, 0, 0), link.Statistics);
        Assert.Equal(way.EndsWith("verified", StringComparison.Ordinal) ? VmMode.Verified : VmMode.Metered, ((VmProgram)link.Program).Mode);
    }

    [Fact]
    public void Fields_that_are_not_writable_are_refused_by_the_verifier_and_trapped_without_it()
    {
        var type = new HookType<Order>("pricing");
        using var engine = Engine(type, "interpreter");
        LinkedObject linked = Link(engine, ".section pricing\nmain:\n *(u32 *)(r1 + 4) = 1\n r0 = 0\n exit");
        Assert.Null(VerifiedProgram.Prove(linked, linked.Programs[0], engine.Target, out VerificationReport report));
        Assert.Contains("field 'Quantity' of Order cannot be written", report.Problem!.Message, StringComparison.Ordinal);

        using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
        using Hook<Order> hook = engine.CreateHook(type);
        using HookLink link = hook.Attach(loaded.Programs[0]);
        var order = new Order { Quantity = 9 };
        var trap = Assert.Throws<TrapException>(() => hook.Fire(ref order));
        Assert.Equal("OSM6102", trap.Id);
        Assert.Equal((9u, 1L), (order.Quantity, link.Statistics.Traps));
        Assert.Same(trap, link.LastTrap);
    }

    /// <summary>What a map refuses is an exception of this library's own; thrown by a delegate it is the program's trap like any other.</summary>
    [Theory]
    [MemberData(nameof(Ways))]
    public void What_a_map_refuses_to_a_helper_is_a_trap(string way)
    {
        using var maps = new VmEngine(new VmOptions { Slots = 1 });
        Map full = maps.CreateMap(TestPrograms.Map(0, Osmia.Bytecode.MapType.Array, 4, 4, 1));
        var type = new HookType<Order>("pricing").Helper("percent_of", (uint article) =>
        {
            full.Update(BitConverter.GetBytes(article), new byte[4]);
            return 1u;
        });
        using var engine = Engine(type, way);
        using LoadedObject loaded = Load(engine, Discount, way);
        using Hook<Order> hook = engine.CreateHook(type, new HookOptions { OnTrap = TrapPolicy.Skip });
        using HookLink link = hook.Attach(loaded.Programs[0]);
        var order = new Order { Article = 7 };
        Assert.Equal(0, hook.Fire(ref order));
        Assert.Equal(1, link.Statistics.Traps);
        Assert.IsType<MapException>(link.LastTrap!.InnerException);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Helpers_take_numbers_spans_and_the_context(string way)
    {
        var seen = new List<string>();
        var type = new HookType<Order>("pricing")
            .Helper("low", (byte one, short two, int three) => seen.Add($"{one} {two} {three}"))
            .Helper("text", (ReadOnlySpan<byte> text, ulong number) =>
            {
                seen.Add($"{System.Text.Encoding.ASCII.GetString(text)} {number:x}");
                return -2;
            })
            .Helper("fill", (int value, Span<byte> target) =>
            {
                target.Fill((byte)value);
                return (short)-3;
            })
            .ContextHelper("raise", (ref Order order, uint by) =>
            {
                order.Price += by;
                return order.Price;
            })
            .Helper("none", () => true);
        string code = """
            .section pricing
            main:
                r6 = r1
                r1 = 0x1ff
                r2 = 0x1fffe
                r3 = -1
                call 65536
                r1 = 0x6f6c6c6568
                *(u64 *)(r10 - 8) = r1
                r1 = r10
                r1 += -8
                r2 = 5
                r3 = 0x123456789a ll
                call 65537
                if r0 != -2 goto wrong
                r1 = 0x41
                r2 = r10
                r2 += -16
                r3 = 8
                call 65538
                if r0 != -3 goto wrong
                r1 = *(u64 *)(r10 - 16)
                r2 = 0x4141414141414141 ll
                if r1 != r2 goto wrong
                r1 = r6
                r2 = 5
                call 65539
                if r0 != 105 goto wrong
                r1 = *(u64 *)(r6 + 8)
                if r1 != 105 goto wrong
                call 65540
                exit
            wrong:
                r0 = 0
                exit
            """.Replace("r1 = 0x6f6c6c6568\n", "r1 = 0x6f6c6c6568 ll\n", StringComparison.Ordinal);
        using var engine = Engine(type, way);
        using LoadedObject loaded = Load(engine, code, way);
        using Hook<Order> hook = engine.CreateHook(type);
        using HookLink link = hook.Attach(loaded.Programs[0]);
        var order = new Order { Price = 100 };
        Assert.Equal(1, hook.Fire(ref order));
        Assert.Equal(105ul, order.Price);
        Assert.Equal(["255 -2 -1", "hello 123456789a"], seen);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Helpers_take_as_many_arguments_as_there_are_registers(string way)
    {
        int calls = 0;
        var type = new HookType<Order>("pricing")
            .Helper("four", (ReadOnlySpan<byte> text, int one, byte two, long three) => text.Length + one + two + three)
            .Helper("five", (uint one, uint two, uint three, uint four, uint five) => one + (10 * two) + (100 * three) + (1000 * four) + (10000 * five))
            .Helper("nothing", () => { calls++; })
            .ContextHelper("three", (ref Order order, ReadOnlySpan<byte> text, short one, sbyte two) => order.Price += (ulong)(text.Length + one + two))
            .ContextHelper("all", (ref Order order, uint one, uint two, uint three, uint four) => order.Price += one + two + three + four);
        const string Code = """
            .section pricing
            main:
                r6 = r1
                *(u64 *)(r10 - 8) = 0
                r1 = r10
                r1 += -8
                r2 = 8
                r3 = -2
                r4 = 3
                r5 = 100
                call 65536
                if r0 != 109 goto wrong
                r1 = 1
                r2 = 2
                r3 = 3
                r4 = 4
                r5 = 5
                call 65537
                if r0 != 54321 goto wrong
                call 65538
                r1 = r6
                r2 = r10
                r2 += -8
                r3 = 8
                r4 = 20
                r5 = -8
                call 65539
                r1 = r6
                r2 = 1
                r3 = 1
                r4 = 1
                r5 = 77
                call 65540
                r0 = 1
                exit
            wrong:
                r0 = 0
                exit
            """;
        using var engine = Engine(type, way);
        using LoadedObject loaded = Load(engine, Code, way);
        using Hook<Order> hook = engine.CreateHook(type);
        using HookLink link = hook.Attach(loaded.Programs[0]);
        var order = new Order();
        Assert.Equal(1, hook.Fire(ref order));
        Assert.Equal((1, 100ul), (calls, order.Price));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void An_event_is_cancelled_from_another_thread_and_the_next_one_is_not(string way)
    {
        if (way.EndsWith("verified", StringComparison.Ordinal))
        {
            return;
        }

        var type = new HookType<Order>("pricing");
        foreach (TimeSpan? time in (TimeSpan?[])[null, TimeSpan.FromMinutes(5)])
        {
            using var engine = new VmEngine(Options(type, way) with { InstructionBudget = long.MaxValue / 8, TimeBudget = time });
            using LoadedObject loaded = engine.Load(Link(engine, ".section pricing\nmain:\n r0 = 0\n w1 = *(u32 *)(r1 + 4)\nagain:\n r0 += 1\n if w1 != 0 goto again\n exit"), LoadOptions.Default);
            using Hook<Order> hook = engine.CreateHook(type);
            using HookLink link = hook.Attach(loaded.Programs[0]);
            using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(30));
            var order = new Order { Quantity = 1 };
            Assert.Equal("OSM6110", Assert.Throws<TrapException>(() => hook.FireCancellable(ref order, source.Token)).Id);
            order.Quantity = 0;
            Assert.Equal(1, hook.Fire(ref order));
        }

        using var lax = new VmEngine(new VmOptions { HookTypes = [type], Mode = VmMode.Checked });
        using Hook<Order> other = lax.CreateHook(type);
        var one = new Order();
        using var never = new CancellationTokenSource();
        Assert.Throws<ArgumentException>(() => other.FireCancellable(ref one, never.Token));
    }

    [Theory]
    [InlineData("r1 = 4096\n r2 = 8\n call 65536", "OSM6103", "text: argument 1")]
    [InlineData("r1 = r10\n r1 += -8\n r2 = 9\n call 65536", "OSM6103", "no memory of 9 bytes")]
    [InlineData("r1 = r10\n r1 += -8\n r2 = -1\n call 65536", "OSM6103", "is no length")]
    [InlineData("call 65537", "OSM6109", "the shop is closed")]
    public void A_bad_argument_or_a_throwing_helper_stops_the_program_and_nothing_else(string code, string id, string message)
    {
        var type = new HookType<Order>("pricing")
            .Helper("text", (ReadOnlySpan<byte> text) => text.Length)
            .Helper("throws", () => Closed());
        foreach (string way in Ways.Select(row => row.Data).Where(way => !way.EndsWith("verified", StringComparison.Ordinal)))
        {
            using var engine = Engine(type, way);
            using LoadedObject loaded = Load(engine, ".section pricing\nmain:\n " + code + "\n exit", way);
            using Hook<Order> hook = engine.CreateHook(type, new HookOptions { OnTrap = TrapPolicy.Skip });
            using HookLink link = hook.Attach(loaded.Programs[0]);
            var order = new Order();
            Assert.Equal(0, hook.Fire(ref order));
            Assert.Equal(id, link.LastTrap!.Id);
            Assert.Contains(message, link.LastTrap.Message, StringComparison.Ordinal);
            Assert.Equal(new HookStatistics(1, 0, 1), link.Statistics);
        }
    }

    [Fact]
    public void Programs_run_by_priority_until_one_decides()
    {
        var type = new HookType<Order>("pricing");
        using var engine = Engine(type, "interpreter");
        using LoadedObject loaded = engine.Load(Link(engine, string.Concat(Enumerable.Range(0, 4).Select(i => Append($"p{i}", i, i == 2 ? 9 : 0)))), LoadOptions.Default);
        using Hook<Order> hook = engine.CreateHook(type);
        using HookLink third = hook.Attach(loaded.Program("p3"), 30);
        using HookLink second = hook.Attach(loaded.Program("p1"), 10);
        using HookLink first = hook.Attach(loaded.Program("p0"), -5);
        using HookLink same = hook.Attach(loaded.Program("p2"), 10);
        Assert.Equal([-5, 10, 10, 30], hook.Links.Select(link => link.Priority));
        Assert.Equal(["hook pricing, priority -5"], hook.Links.Take(1).Select(link => link.Target.Describe()));
        var order = new Order();
        Assert.Equal(9, hook.Fire(ref order));
        Assert.Equal(0x012u, order.Discount);

        using Hook<Order> all = engine.CreateHook(type, new HookOptions { Next = null });
        HookLink[] links = [all.Attach(loaded.Program("p3")), all.Attach(loaded.Program("p2")), (HookLink)engine.Attach(loaded.Program("p1"), new HookTarget(all, 1))];
        order = new Order();
        Assert.Equal(0, all.Fire(ref order));
        Assert.Equal(0x321u, order.Discount);
        foreach (HookLink link in links)
        {
            link.Dispose();
        }

        Assert.False(all.IsEnabled);
        Assert.Equal(0, all.Fire(ref order));
        Assert.Equal(1, links[0].Statistics.Runs);
    }

    [Fact]
    public void What_a_stopped_program_wrote_is_undone_and_the_next_one_runs()
    {
        var type = new HookType<Order>("pricing");
        using var engine = Engine(type, "interpreter");
        using LoadedObject loaded = engine.Load(Link(engine, Append("good", 1, 0) + ".section pricing/bad\nbad:\n *(u32 *)(r1 + 16) = 77\n r0 = *(u64 *)(r1 + 24)\n exit\n"), LoadOptions.Default);
        using Hook<Order> hook = engine.CreateHook(type, new HookOptions { OnTrap = TrapPolicy.Skip });
        using HookLink bad = hook.Attach(loaded.Program("bad"));
        using HookLink good = hook.Attach(loaded.Program("good"), 1);
        var order = new Order();
        Assert.Equal(0, hook.Fire(ref order));
        Assert.Equal((1u, 1L, 1L), (order.Discount, bad.Statistics.Traps, good.Statistics.Runs));
    }

    [Fact]
    public void Replacing_a_program_misses_no_event()
    {
        const int Threads = 2;
        const int Events = 20_000;
        var type = new HookType<Order>("pricing");
        using var engine = new VmEngine(new VmOptions { HookTypes = [type], Slots = Threads + 1 });
        LinkedObject linked = Link(engine, Append("p", 1, 0));
        using Hook<Order> hook = engine.CreateHook(type);
        LoadedObject current = engine.Load(linked, LoadOptions.Default);
        using HookLink link = hook.Attach(current.Programs[0]);
        long missed = 0;
        int finished = 0;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < Events; i++)
            {
                var order = new Order();
                hook.Fire(ref order);
                Interlocked.Add(ref missed, order.Discount == 1 ? 0 : 1);
            }

            Interlocked.Increment(ref finished);
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        int replaced = 0;
        do
        {
            LoadedObject next = engine.Load(linked, LoadOptions.Default);
            link.Replace(next.Programs[0]);
            current.Dispose();
            current = next;
            replaced++;
        }
        while (Volatile.Read(ref finished) < Threads);

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.Same(current.Programs[0], link.Current);
        current.Dispose();
        Assert.Equal((0L, (long)Threads * Events), (missed, link.Statistics.Runs));
        Assert.True(replaced > 0);
    }

    [Fact]
    public void A_program_runs_on_while_it_is_attached_and_is_freed_afterwards()
    {
        var type = new HookType<Order>("pricing");
        using var engine = Engine(type, "interpreter");
        LoadedObject loaded = engine.Load(Link(engine, Append("p", 1, 0)), LoadOptions.Default);
        using Hook<Order> hook = engine.CreateHook(type);
        HookLink link = hook.Attach(loaded.Programs[0]);
        loaded.Dispose();
        var order = new Order();
        hook.Fire(ref order);
        Assert.Equal(1u, order.Discount);
        link.Dispose();
        link.Dispose();
        Assert.Null(link.Current);
        Assert.Throws<ObjectDisposedException>(() => hook.Attach(loaded.Programs[0]));
        Assert.Throws<ObjectDisposedException>(() => link.Replace(engine.Load(Link(engine, Append("q", 1, 0)), LoadOptions.Default).Programs[0]));
    }

    [Theory]
    [InlineData("il")]
    [InlineData("verified")]
    [InlineData("x64 verified")]
    public void An_event_allocates_nothing(string way)
    {
        var type = new HookType<Order>("pricing").Helper("percent_of", (uint article) => article).ContextHelper("price", (ref Order order) => order.Price);
        using var engine = Engine(type, way);
        using LoadedObject loaded = Load(engine, Discount, way);
        using Hook<Order> hook = engine.CreateHook(type, new HookOptions { MeasuresTime = true });
        using HookLink link = hook.Attach(loaded.Programs[0]);
        Fire(hook, 1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Fire(hook, 10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(11_000, link.Statistics.Runs);
        Assert.True(link.Statistics.Nanoseconds > 0);

        static void Fire(Hook<Order> hook, int events)
        {
            var order = new Order { Article = 7 };
            for (int i = 0; i < events; i++)
            {
                hook.Fire(ref order);
            }
        }
    }

    [Fact]
    public void Events_may_be_raised_inside_of_a_helper()
    {
        Hook<Order>? hook = null;
        var type = new HookType<Order>("pricing").ContextHelper("again", (ref Order order) =>
        {
            Order inner = order with { Quantity = order.Quantity - 1 };
            return hook!.Fire(ref inner) + 1;
        });
        using var engine = new VmEngine(new VmOptions { HookTypes = [type], Slots = 4 });
        using LoadedObject loaded = engine.Load(Link(engine, ".section pricing\nmain:\n w2 = *(u32 *)(r1 + 4)\n r0 = 0\n if w2 == 0 goto end\n call 65536\nend:\n exit"), LoadOptions.Default);
        using (hook = engine.CreateHook(type))
        {
            using HookLink link = hook.Attach(loaded.Programs[0]);
            var order = new Order { Quantity = 3 };
            Assert.Equal(3, hook.Fire(ref order));
        }
    }

    [Fact]
    public void A_test_run_takes_the_context_as_bytes()
    {
        var type = new HookType<Order>("pricing").Helper("percent_of", (uint article) => article);
        using var engine = Engine(type, "interpreter");
        using LoadedObject loaded = Load(engine, Discount, "interpreter");
        var order = new Order { Article = 2, Quantity = 4, Price = 6 };
        var after = default(Order);
        ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Context = MemoryMarshal.AsBytes(new ReadOnlySpan<Order>(in order)), ContextOut = MemoryMarshal.AsBytes(new Span<Order>(ref after)), Repeat = 3 });
        Assert.Equal((5ul, 24), (result.ReturnValue, result.ContextLength));
        Assert.Equal((8u, 6ul), (after.Discount, after.Price));
        Assert.Throws<ArgumentException>(() => loaded.Programs[0].Run(new ProgramRun { Context = new byte[23] }));
        Assert.Throws<ArgumentException>(() => loaded.Programs[0].Run(new ProgramRun { Context = new byte[24], Data = new byte[1] }));
    }

    [Fact]
    public void Programs_of_other_hooks_and_engines_are_refused_by_name()
    {
        var type = new HookType<Order>("pricing");
        var other = new HookType<Small>("shipping");
        using var engine = new VmEngine(new VmOptions { HookTypes = [type, other] });
        using var stranger = new VmEngine(new VmOptions { HookTypes = [type] });
        using Hook<Order> hook = engine.CreateHook(type);
        using LoadedObject shipping = engine.Load(Link(engine, ".section shipping\nmain:\n r0 = 0\n exit"), LoadOptions.Default);
        using LoadedObject strange = stranger.Load(Link(stranger, ".section pricing\nmain:\n r0 = 0\n exit"), LoadOptions.Default);
        foreach ((LoadedObject loaded, string why) in new[] { (shipping, "it is a program of shipping"), (strange, "another virtual machine loaded it") })
        {
            var refusal = Assert.Throws<UnsupportedFeatureException>(() => hook.Attach(loaded.Programs[0]));
            Assert.Equal("OSM6012", refusal.Id);
            Assert.StartsWith(why, refusal.Diagnostic.Why, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentException>(() => stranger.CreateHook(other));
        Assert.Throws<RelocationException>(() => Link(stranger, ".section shipping\nmain:\n r0 = 0\n exit"));
        Assert.Throws<InvalidOperationException>(() => type.Helper("late", () => 1));
    }

    [Fact]
    public void Tail_calls_stay_within_a_hook()
    {
        var type = new HookType<Order>("pricing");
        var other = new HookType<Small>("shipping");
        using var engine = new VmEngine(new VmOptions { HookTypes = [type, other] });
        string code = """
            .section .maps
            next: .map prog_array, key 4, value 4, entries 2
            .section pricing
            main:
                r2 = next ll
                r3 = *(u32 *)(r1 + 4)
                call bpf_tail_call
                r0 = 1
                exit
            .section pricing/same
            same:
                r0 = 2
                exit
            .section shipping
            ship:
                r0 = 3
                exit
            """;
        LinkedMap map = TestPrograms.Map(0, Osmia.Bytecode.MapType.ProgArray, 4, 4, 2);
        LinkedObject linked = Link(engine, code[code.IndexOf(".section pricing", StringComparison.Ordinal)..].Replace("next ll", "map[idx:0]", StringComparison.Ordinal)) with { Maps = [map] };
        using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
        using Hook<Order> hook = engine.CreateHook(type);
        using HookLink link = hook.Attach(loaded.Program("main"));
        loaded.Maps[0].Update(BitConverter.GetBytes(0), BitConverter.GetBytes(((VmProgram)loaded.Program("same")).Id));
        loaded.Maps[0].Update(BitConverter.GetBytes(1), BitConverter.GetBytes(((VmProgram)loaded.Program("ship")).Id));
        var order = new Order();
        Assert.Equal(2, hook.Fire(ref order));
        order.Quantity = 1;
        Assert.Throws<TrapException>(() => hook.Fire(ref order));
    }

    internal static VmEngine Engine(HookType type, string way) => new(Options(type, way));

    private static VmOptions Options(HookType type, string way) => new() { HookTypes = [type], Tier = way == "interpreter" ? VmTier.Interpreter : way.StartsWith("x64", StringComparison.Ordinal) ? VmTier.X64 : VmTier.Il };

    internal static LoadedObject Load(VmEngine engine, string code, string way)
    {
        LinkedObject linked = Link(engine, code);
        if (!way.EndsWith("verified", StringComparison.Ordinal))
        {
            return engine.Load(linked, LoadOptions.Default);
        }

        VerifiedProgram? proof = VerifiedProgram.Prove(linked, linked.Programs[0], engine.Target, out VerificationReport report);
        Assert.True(proof is not null, report.Problem?.Message);
        return engine.LoadVerified(linked, [proof]);
    }

    internal static LinkedObject Link(VmEngine engine, string code) => Linker.Link(ObjectAssembler.Assemble(".license \"GPL\"\n" + code, "hook.s"), engine.Target);

    /// <summary>A program that puts a digit behind those in the discount.</summary>
    private static string Append(string name, int digit, int result) =>
        $".section pricing/{name}\n{name}:\n w2 = *(u32 *)(r1 + 16)\n w2 <<= 4\n w2 += {digit}\n *(u32 *)(r1 + 16) = w2\n r0 = {result}\n exit\n";

    private static int Closed() => throw new InvalidOperationException("the shop is closed");

    [StructLayout(LayoutKind.Sequential)]
    public record struct Order
    {
        public uint Article { get; set; }

        public uint Quantity { get; set; }

        public ulong Price { get; set; }

        [Writable]
        public uint Discount { get; set; }
    }

    [StructLayout(LayoutKind.Sequential)]
    public record struct Small
    {
        public uint Number { get; set; }
    }
}
