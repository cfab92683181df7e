using System.Runtime.Versioning;
using System.Text;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Links;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Iterators: what they print is read as often as wanted, of all objects or of chosen ones.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class IteratorTests
{
    private const int SeqWrite = 127;

    [Fact]
    public void Task_iterator_prints_a_mark_for_every_task_each_time_it_is_read()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = LoadMarker(engine, "task");
        using var iterator = (KernelIterator)engine.AttachOrSkip(loaded.Programs[0], new IteratorTarget("task"), "iterators");
        string first = ReadAll(iterator);
        Assert.True(first.Length > 3, first);
        Assert.Equal(new string('x', first.Length), first);
        Assert.InRange(ReadAll(iterator).Length, first.Length / 2, first.Length * 2);
    }

    [Fact]
    public void Task_iterator_of_one_process_sees_its_threads_only()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = LoadMarker(engine, "task");
        using var all = (KernelIterator)engine.AttachOrSkip(loaded.Programs[0], new IteratorTarget("task"), "iterators");
        using var child = new Workload("true");
        using var own = (KernelIterator)engine.AttachOrSkip(loaded.Programs[0], new IteratorTarget("task") { Pid = child.Pid }, "task iterators of one process");

        // The waiting shell has one thread; the last call of a walk has no task, and leaves a mark too.
        Assert.Equal("xx", ReadAll(own));
        Assert.True(ReadAll(all).Length > 2);
    }

    [Fact]
    public void Map_element_iterator_walks_the_map_it_was_given()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = LoadMarker(engine, "bpf_map_elem", Linked.Map(MapType.Hash, 4, 8, 16));
        Map<uint, ulong> map = loaded.Map<uint, ulong>("map");
        for (uint i = 0; i < 5; i++)
        {
            map.Update(i, i);
        }

        using var iterator = (KernelIterator)engine.AttachOrSkip(loaded.Programs[0], new IteratorTarget("bpf_map_elem") { Map = loaded.Map("map") }, "iterators");
        Assert.Equal("xxxxxx", ReadAll(iterator));
        map.Update(5, 5);
        Assert.Equal("xxxxxxx", ReadAll(iterator));
        var error = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new IteratorTarget("bpf_map_elem")));
        Assert.Contains("elements of a map", error.Diagnostic.Why, StringComparison.Ordinal);
    }

    /// <summary>Prints one x a call: the context begins with <c>struct bpf_iter_meta</c>, that with the file to print to.</summary>
    private static LoadedObject LoadMarker(KernelEngine engine, string kind, params LinkedMap[] maps)
    {
        BtfTypes? types = engine.Target.Types;
        Assert.SkipWhen(types is null, $"needs kernel BTF: {engine.Target.NoTypesReason}");
        TypeId id = types.Find(BtfKind.Function, $"bpf_iter_{kind}");
        Assert.SkipWhen(id.IsVoid, $"needs iterator {kind}");
        LinkedProgram program = new Asm()
            .LoadLong(R1, R1, 0).LoadLong(R1, R1, 0)
            .StoreLong(R10, -8, 'x').Copy(R2, R10).AddImmediate(R2, -8).Move(R3, 1).Call(SeqWrite)
            .Move(R0, 0).Exit().Build("mark", ProgramType.Tracing, AttachType.TraceIter) with { AttachBtfId = id };
        return engine.LoadOrSkip(Linked.Object([program], [.. maps]), "iterators");
    }

    private static string ReadAll(KernelIterator iterator)
    {
        using var reader = new StreamReader(iterator.OpenRead(), Encoding.ASCII);
        return reader.ReadToEnd();
    }
}
