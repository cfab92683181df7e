using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;

namespace Osmia.Tests.Btf;

public class CSharpWriterTests
{
    private const string RunningKernel = "/sys/kernel/btf/vmlinux";

    [Fact]
    public void Kinds_compile_and_have_the_layouts_of_their_types() => CheckLayouts(BtfSamples.Kinds, null);

    [Fact]
    public void Awkward_layouts_compile_and_keep_sizes_and_offsets() =>
        CheckLayouts(Toolchain.Read("clang-19", "Btf/Sources/layouts.c").Types!, null);

    [Fact]
    public void Types_of_the_running_kernel_compile_and_have_their_layouts()
    {
        Assert.SkipUnless(File.Exists(RunningKernel), $"needs {RunningKernel}");
        BtfTypes kernel = BtfTypes.Parse(File.ReadAllBytes(RunningKernel));
        CheckLayouts(kernel, [.. ((string[])["task_struct", "sk_buff", "net_device", "file", "sock", "tcp_sock", "inode"]).Select(name => kernel.Find(BtfKind.Struct, name))]);
    }

    [Fact]
    public void Bytes_read_as_the_values_they_are()
    {
        BtfTypes types = Toolchain.Read("clang-19", "Btf/Sources/layouts.c").Types!;
        Compiled compiled = Compile(types, null);
        BtfType bits = types[types.Find(BtfKind.Struct, "bits")];
        Type type = compiled.Types["bits"];
        for (int seed = 0; seed < 50; seed++)
        {
            byte[] bytes = new byte[bits.Size];
            new Random(seed).NextBytes(bytes);
            object value = Read(type, bytes);
            for (int i = 0; i < bits.Count; i++)
            {
                BtfMember member = bits.Member(i);
                UInt128 whole = BinaryPrimitives.ReadUInt128LittleEndian(bytes);
                ulong expected = (ulong)(whole >> member.BitOffset) & ((1ul << member.BitfieldSize) - 1);
                long signed = (long)(expected << (64 - member.BitfieldSize)) >> (64 - member.BitfieldSize);
                bool isSigned = types.Resolve(member.Type).IsSigned;
                PropertyInfo property = type.GetProperty(bits.MemberName(i))!;
                Assert.Equal(isSigned ? signed.ToString() : expected.ToString(), property.GetValue(value)!.ToString());

                // Setting a member changes its own bits and no other.
                property.SetValue(value, property.GetValue(Read(type, new byte[bits.Size])));
                UInt128 mask = (UInt128)((1ul << member.BitfieldSize) - 1) << member.BitOffset;
                BinaryPrimitives.WriteUInt128LittleEndian(bytes, whole & ~mask);
                Assert.Equal(bytes, Bytes(type, value));
            }
        }
    }

    [Fact]
    public void Names_that_are_no_identifiers_are_made_ones()
    {
        var builder = new BtfBuilder();
        TypeId number = builder.AddInt("int", 4, isSigned: true);
        builder.AddStruct("class", 12, new("int", number, 0), new("a.b", number, 32), new("class", number, 64));
        builder.AddUnion("class", 4, new NamedMember("x", number, 0));
        builder.AddEnum("new\nline */ }", 4, false, new("default", 1), new("value__", 2));
        Compiled compiled = Compile(builder.Build(), null);
        Assert.Equal(["class", "class_2", "new_line_____"], compiled.Types.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["int", "a_b", "class_2"], compiled.Types["class"].GetFields().Select(field => field.Name));
    }

    [Fact]
    public void Big_endian_types_are_refused() =>
        Assert.Throws<BtfFormatException>(() => CSharpWriter.Write(BtfBuilderTests.EveryKind(isBigEndian: true).Build(), Stream.Null));

    private static void CheckLayouts(BtfTypes types, TypeId[]? roots)
    {
        Compiled compiled = Compile(types, roots);
        int checkedFields = 0;
        foreach ((string name, Type type) in compiled.Types)
        {
            if (type.GetCustomAttribute<InlineArrayAttribute>() is not null)
            {
                continue;
            }

            BtfType[] fitting = [.. types.FindAll([name])[name].Select(id => types.Resolve(new TypeId(id))).Where(found => found.Kind.IsComposite() == !type.IsEnum)];
            if (fitting.Length != 1)
            {
                continue;
            }

            Assert.Equal((name, (long)fitting[0].Size), (name, SizeOf(type)));
            for (int i = 0; !type.IsEnum && i < fitting[0].Count; i++)
            {
                BtfMember member = fitting[0].Member(i);
                if (type.GetField(fitting[0].MemberName(i)) is { } field)
                {
                    Assert.Equal((name, field.Name, (long)member.ByteOffset), (name, field.Name, OffsetOf(type, field)));
                    Assert.Equal((name, field.Name, types.SizeOf(member.Type)), (name, field.Name, SizeOf(field.FieldType)));
                    checkedFields++;
                }
            }
        }

        Assert.True(checkedFields > 20, $"only {checkedFields} fields");
    }

    private static long SizeOf(Type type) => (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    /// <summary>Where the runtime really put the field: the only byte pattern that it reads back as ones.</summary>
    private static long OffsetOf(Type type, FieldInfo field)
    {
        byte[] bytes = new byte[SizeOf(type)];
        long size = SizeOf(field.FieldType);
        long declared = field.GetCustomAttribute<FieldOffsetAttribute>()!.Value;
        bytes.AsSpan((int)declared, (int)size).Fill(0x5a);
        object value = field.GetValue(Read(type, bytes))!;
        return Bytes(field.FieldType, value).All(b => b == 0x5a) ? declared : -1;
    }

    private static object Read(Type type, byte[] bytes) =>
        typeof(CSharpWriterTests).GetMethod(nameof(ReadAs), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(type).Invoke(null, [bytes])!;

    private static object ReadAs<T>(byte[] bytes)
        where T : unmanaged => MemoryMarshal.Read<T>(bytes);

    private static byte[] Bytes(Type type, object value) =>
        (byte[])typeof(CSharpWriterTests).GetMethod(nameof(BytesOf), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(type).Invoke(null, [value])!;

    private static byte[] BytesOf<T>(object value)
        where T : unmanaged
    {
        T copy = (T)value;
        return MemoryMarshal.AsBytes(new Span<T>(ref copy)).ToArray();
    }

    private static Compiled Compile(BtfTypes types, TypeId[]? roots)
    {
        string compiler = CompilerPath();
        using var folder = new TemporaryFolder();
        string source = Path.Combine(folder.Path, "types.cs");
        using (FileStream file = File.Create(source))
        {
            CSharpWriter.Write(types, file, roots);
        }

        string assembly = Path.Combine(folder.Path, "types.dll");
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string response = Path.Combine(folder.Path, "options.rsp");
        File.WriteAllLines(response, ["-nologo", "-target:library", "-nostdlib", "-warnaserror", $"-out:\"{assembly}\"",
            $"-r:\"{runtime}/System.Private.CoreLib.dll\"", $"-r:\"{runtime}/System.Runtime.dll\"", $"\"{source}\""]);
        string messages = ReferenceTool.RunForAllOutput("dotnet", compiler, "@" + response);
        Assert.True(File.Exists(assembly), messages);
        Assembly loaded = new AssemblyLoadContext("types", isCollectible: true).LoadFromStream(new MemoryStream(File.ReadAllBytes(assembly)));
        return new Compiled(loaded.GetTypes().Where(type => !type.IsNested && type.IsPublic).ToDictionary(type => type.Name));
    }

    private static string CompilerPath()
    {
        string root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", ".."));
        string? compiler = Directory.Exists(Path.Combine(root, "sdk"))
            ? Directory.GetFiles(Path.Combine(root, "sdk"), "csc.dll", SearchOption.AllDirectories).FirstOrDefault(file => file.Contains("bincore", StringComparison.Ordinal))
            : null;
        Assert.SkipWhen(compiler is null, "needs csc.dll of a .NET SDK");
        return compiler!;
    }

    private sealed record Compiled(Dictionary<string, Type> Types);
}
