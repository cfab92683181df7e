using Osmia.Bytecode;

namespace Osmia.Tests.Tables;

/// <summary>The helper table as a text: every row reads, and the rows agree with each other.</summary>
public class HelperTableTests
{
    [Fact]
    public void Every_helper_has_a_row_that_reads()
    {
        Assert.Equal(211, HelperTable.Count);
        foreach (HelperId id in Enum.GetValues<HelperId>())
        {
            Helper helper = HelperTable.Find(id);
            Assert.Equal(id, helper.Id);
            Assert.NotEmpty(helper.Signatures);
            Assert.All(helper.Signatures, signature =>
            {
                Assert.InRange(signature.Arguments.Count, 0, 5);
                Assert.True(signature.Callers.Count > 0, $"{helper.Name}: a signature nobody gets");
                Assert.True(signature.Callers.Select(caller => caller.Type).Distinct().Count() == signature.Callers.Count, $"{helper.Name}: a program type twice");
            });
        }
    }

    [Fact]
    public void Names_lead_to_their_helpers_and_back()
    {
        foreach (Helper helper in HelperTable.All)
        {
            Assert.Equal("bpf_" + helper.Name, HelperTable.NameOf((int)helper.Id));
            Assert.True(HelperTable.TryFind(helper.Name, out HelperId bare) && HelperTable.TryFind("bpf_" + helper.Name, out HelperId full) && bare == helper.Id && full == helper.Id);
            Assert.Equal(helper.Id.ToString(), string.Concat(helper.Name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..])));
        }

        Assert.False(HelperTable.TryFind("unspec", out _));
        Assert.False(HelperTable.TryFind("map_lookup", out _));
        Assert.Equal("helper#0", HelperTable.NameOf(0));
        Assert.Equal("helper#212", HelperTable.NameOf(212));
        Assert.Null(HelperTable.Find(212));
        Assert.Null(HelperTable.Find(-1));
    }

    [Fact]
    public void Helpers_with_larger_numbers_are_not_older()
    {
        KernelVersion last = default;
        foreach (Helper helper in HelperTable.All)
        {
            Assert.True(helper.Since >= last, $"{helper.Name}: {helper.Since} after {last}");
            last = helper.Since;
        }
    }

    [Fact]
    public void A_size_follows_its_memory_and_memory_has_a_size()
    {
        foreach (HelperArgument[] arguments in HelperTable.All.SelectMany(helper => helper.Signatures).Select(signature => signature.Arguments.ToArray()))
        {
            for (int i = 0; i < arguments.Length; i++)
            {
                bool isSized = i + 1 < arguments.Length && arguments[i + 1].Kind is HelperArgumentKind.ConstSize or HelperArgumentKind.ConstSizeOrZero;
                if (arguments[i].Kind == HelperArgumentKind.Memory)
                {
                    Assert.Equal(arguments[i].Size == 0, isSized);
                    Assert.NotEqual(HelperAccess.None, arguments[i].Access);
                }
                else
                {
                    Assert.False(isSized);
                }
            }
        }
    }

    [Fact]
    public void Rows_say_what_the_kernels_prototype_says()
    {
        HelperSignature lookup = Assert.Single(HelperTable.Find(HelperId.MapLookupElem).Signatures);
        Assert.Equal(new HelperReturn(HelperReturnKind.MapValue, true, false, ""), lookup.Return);
        Assert.Equal([HelperArgumentKind.ConstMap, HelperArgumentKind.MapKey], lookup.Arguments.Select(argument => argument.Kind));
        Assert.Equal(HelperTraits.TakesPacketMemory, lookup.Traits);

        HelperSignature parse = Assert.Single(HelperTable.Find(HelperId.Strtol).Signatures);
        Assert.Equal(new HelperArgument(HelperArgumentKind.Memory, HelperAccess.Write, false, false, true, 8, ""), parse.Arguments[3]);

        HelperSignature release = Assert.Single(HelperTable.Find(HelperId.RingbufSubmitDynptr).Signatures);
        Assert.Equal(new HelperArgument(HelperArgumentKind.Dynptr, HelperAccess.None, false, true, false, 0, "ringbuf"), release.Arguments[0]);

        HelperSignature task = Assert.Single(HelperTable.Find(HelperId.GetCurrentTaskBtf).Signatures);
        Assert.Equal(new HelperReturn(HelperReturnKind.BtfPointer, false, true, "task_struct"), task.Return);
        Assert.Equal(HelperTraits.GplOnly | HelperTraits.NeedsPerfmon, task.Traits);
    }

    [Fact]
    public void The_signature_depends_on_the_caller_where_the_kernels_does()
    {
        Helper storage = HelperTable.Find(HelperId.SkStorageGet);
        Assert.Equal(HelperArgumentKind.BtfPointer, storage.SignatureFor(ProgramType.Tracing)!.Arguments[1].Kind);
        Assert.Equal(HelperArgumentKind.Context, storage.SignatureFor(ProgramType.CgroupSock)!.Arguments[1].Kind);
        Assert.Equal(HelperArgumentKind.BtfSocketCommon, storage.SignatureFor(ProgramType.SchedCls)!.Arguments[1].Kind);
        Assert.Null(storage.SignatureFor(ProgramType.Xdp));

        Helper bind = HelperTable.Find(HelperId.Bind);
        Assert.NotNull(bind.SignatureFor(ProgramType.CgroupSockAddr));
        Assert.NotNull(bind.SignatureFor(ProgramType.CgroupSockAddr, AttachType.CgroupInet6Connect));
        Assert.Null(bind.SignatureFor(ProgramType.CgroupSockAddr, AttachType.CgroupInet4Bind));

        // Without GPL where many functions share a program, with it on a single one.
        Helper address = HelperTable.Find(HelperId.GetFuncIp);
        Assert.False(address.SignatureFor(ProgramType.Kprobe, AttachType.TraceKprobeMulti)!.IsGplOnly);
        Assert.True(address.SignatureFor(ProgramType.Kprobe, AttachType.PerfEvent)!.IsGplOnly);
    }

    [Theory]
    [InlineData("5.8", 5, 8)]
    [InlineData("6.12.0-rc1", 6, 12)]
    [InlineData("4.10+", 4, 10)]
    public void Kernel_versions_are_read(string text, int major, int minor)
    {
        Assert.True(KernelVersion.TryParse(text, out KernelVersion version));
        Assert.Equal(new KernelVersion(major, minor), version);
    }

    [Theory]
    [InlineData("")]
    [InlineData("6")]
    [InlineData(".6")]
    [InlineData("a.6")]
    [InlineData("6.x")]
    public void Other_text_is_no_version(string text) => Assert.False(KernelVersion.TryParse(text, out _));

    [Fact]
    public void Versions_compare_by_number() => Assert.True(new KernelVersion(4, 9) < new KernelVersion(4, 10) && new KernelVersion(5, 0) > new KernelVersion(4, 20));
}
