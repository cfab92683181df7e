using Osmia.Bytecode;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Tables;

/// <summary>Program, attach, map and link types: the tables are complete and agree with each other.</summary>
public class TypeTableTests
{
    [Fact]
    public void Every_program_type_has_its_row_in_order()
    {
        Assert.Equal(Enum.GetValues<ProgramType>().Where(type => type != ProgramType.Unspec), ProgramTypeTable.All.Select(row => row.Type));
        Assert.Null(ProgramTypeTable.Find(ProgramType.Unspec));
        Assert.Null(ProgramTypeTable.Find((ProgramType)33));
        ProgramType[] typed = [ProgramType.Tracing, ProgramType.StructOps, ProgramType.Ext, ProgramType.Lsm];
        Assert.Equal(typed, ProgramTypeTable.All.Where(row => row.Context is null).Select(row => row.Type));
    }

    [Fact]
    public void Every_attach_type_belongs_to_programs_and_has_a_first_kernel()
    {
        foreach (AttachType type in Enum.GetValues<AttachType>())
        {
            ProgramType[] programs = [.. AttachTypeTable.ProgramTypesOf(type)];
            Assert.Equal(type == AttachType.PerfEvent ? 3 : 1, programs.Length);
            KernelVersion since = AttachTypeTable.Since(type)!.Value;
            Assert.True(programs.Any(program => ProgramTypeTable.Find(program)!.Since <= since), $"{type} is older than its programs");
        }

        Assert.Null(AttachTypeTable.Since((AttachType)62));
        Assert.Equal(AttachTypeNames.Count, Enum.GetValues<AttachType>().Length);
    }

    [Fact]
    public void Section_names_give_attach_types_of_their_program_types()
    {
        foreach (string pattern in SectionTable.Patterns)
        {
            SectionMatch match = SectionTable.Match(pattern.TrimEnd('+', '/'));
            ProgramTypeFacts row = ProgramTypeTable.Find(match.Type)!;
            Assert.True(match.AttachType is not { } attach || row.AttachTypes.Contains(attach), pattern);

            // Tracepoints of other kinds may sleep since 7.2.
            bool isNewer = match.Type is ProgramType.Tracepoint or ProgramType.RawTracepoint || match.AttachType == AttachType.TraceRawTp;
            Assert.True(!match.IsSleepable || isNewer || row.MaySleep(match.AttachType), pattern);
        }
    }

    [Fact]
    public void Every_map_type_of_the_tables_kernel_has_its_row_in_order()
    {
        Assert.Equal(Enum.GetValues<MapType>().Where(type => type is not (MapType.Unspec or MapType.InsnArray or MapType.Rhash)), MapTypeTable.All.Select(row => row.Type));
        Assert.All(MapTypeTable.All, row => Assert.True((row.Needed & ~row.Allowed) == 0 && (!row.NeedsTypes || row.TakesTypes), row.Type.ToKernelName()));
        Assert.Equal(new KernelVersion(6, 19), MapTypeTable.Since(MapType.InsnArray));
        Assert.Null(MapTypeTable.Find(MapType.Rhash));
        Assert.Null(MapTypeTable.Since(MapType.Unspec));
    }

    [Fact]
    public void Every_link_type_has_a_first_kernel()
    {
        Assert.All(Enum.GetValues<LinkType>(), type => Assert.NotNull(type.Since()));
        Assert.Null(((LinkType)LinkTypeNames.Count).Since());
    }

    [Fact]
    public void Every_helper_that_takes_a_map_takes_some_map()
    {
        foreach (Helper helper in HelperTable.All.Where(helper => helper.Signatures[0].Arguments.Any(argument => argument.Kind == HelperArgumentKind.ConstMap)))
        {
            Assert.True(MapTypeTable.All.Any(row => MapHelperTable.Allows(row.Type, helper.Id)), helper.Name);
        }

        Assert.True(MapHelperTable.Allows(MapType.Hash, HelperId.MapLookupElem));
        Assert.False(MapHelperTable.Allows(MapType.Hash, HelperId.TailCall));
        Assert.False(MapHelperTable.Allows(MapType.ProgArray, HelperId.MapLookupElem));
        Assert.True(MapHelperTable.Allows(MapType.Sockmap, HelperId.MapUpdateElem));
        Assert.False(MapHelperTable.MayChangeSockmap(ProgramType.Kprobe, null, HelperId.MapUpdateElem));
        Assert.True(MapHelperTable.MayChangeSockmap(ProgramType.SockOps, AttachType.CgroupSockOps, HelperId.MapDeleteElem));
    }

    [Fact]
    public void Context_fields_stand_in_order_within_their_structures()
    {
        foreach (ContextLayout layout in ProgramTypeTable.All.Select(row => row.Context).OfType<ContextLayout>().Append(ContextLayout.Socket).Append(ContextLayout.TcpSocket).Distinct())
        {
            int end = 0;
            foreach (ContextField field in layout.Fields)
            {
                Assert.True(field.Offset >= end && field.End <= layout.Size, $"{layout.Name}.{field.Name}");
                Assert.Same(field, layout.FieldAt(field.Offset));
                Assert.Same(field, layout.FieldAt(field.End - 1));
                Assert.NotEqual(ContextUsers.None, field.Readers);
                Assert.Equal(field.Kind == ContextFieldKind.BtfPointer, field.TypeName.Length > 0);
                end = field.End;
            }

            Assert.Null(layout.FieldAt(layout.Size));
            Assert.Null(layout.FieldAt(-1));
        }
    }

    [Theory]
    [InlineData(ProgramType.CgroupSkb, AttachType.CgroupInetEgress, "0 to 3")]
    [InlineData(ProgramType.CgroupSockAddr, AttachType.CgroupUdp4Recvmsg, "1")]
    [InlineData(ProgramType.Tracing, AttachType.TraceFexit, "0")]
    [InlineData(ProgramType.Xdp, AttachType.Xdp, "")]
    public void Return_ranges_depend_on_both_types(ProgramType type, AttachType attach, string expected) => Assert.Equal(expected, ReturnRange.Of(type, attach)?.ToString() ?? "");
}
