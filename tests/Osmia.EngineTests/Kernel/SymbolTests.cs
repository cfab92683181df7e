using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel.Symbols;

namespace Osmia.Tests.Kernel;

[SupportedOSPlatform("linux")]
public class SymbolTests
{
    [Fact]
    public void Kernel_addresses_have_names_and_offsets()
    {
        var symbols = new KernelSymbols(() => Encoding.ASCII.GetBytes("ffffffff81000000 T _stext\nffffffff81000100 t second\nffffffff81000080 D data\n0000000000000000 T hidden\nffffffffc0000000 t mod_func\t[mod]\n"));
        Assert.Equal(3, symbols.Count);
        Assert.Equal(("_stext", 0x90ul), symbols.Find(0xffffffff81000090));
        Assert.Equal(("second", 0ul), symbols.Find(0xffffffff81000100));
        Assert.Equal(("mod_func", 4ul), symbols.Find(0xffffffffc0000004));
        Assert.Null(symbols.Find(0x1000));
    }

    [Fact]
    public void Running_kernel_names_its_own_functions()
    {
        const string List = "/proc/kallsyms";
        Assert.SkipUnless(File.Exists(List), $"needs {List}");
        string[]? line = File.ReadLines(List).Select(text => text.Split(' ')).FirstOrDefault(words => words[1] == "T" && words[2].Trim() == "schedule");
        Assert.SkipWhen(line is null || line[0].All(c => c == '0'), "needs visible kernel addresses");
        using var symbolizer = new KernelSymbolizer();
        Assert.Equal("schedule+0x5", symbolizer.Kernel(Convert.ToUInt64(line[0], 16) + 5));
    }

    [Fact]
    public void A_function_of_this_process_has_its_name()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        nint address = NativeLibrary.GetExport(NativeLibrary.Load("libc"), "getpgid");
        using var symbolizer = new KernelSymbolizer();
        string? name = symbolizer.User(Environment.ProcessId, (ulong)address + 2);
        Assert.True(name is "getpgid+0x2" or "__getpgid+0x2", name);
        Assert.Null(symbolizer.User(Environment.ProcessId, 8));
        Assert.Null(symbolizer.User(int.MaxValue, (ulong)address));
    }

    [Fact]
    public void Broken_elf_files_have_no_symbols_but_do_no_harm()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        string file = Path.GetTempFileName();
        try
        {
            byte[] original = File.ReadAllBytes("/proc/self/exe");
            var random = new Random(20260729);
            for (int round = 0; round < 200; round++)
            {
                byte[] bytes = original[..Math.Min(original.Length, 64 * 1024)];
                for (int i = 0; i < 8; i++)
                {
                    bytes[random.Next(16, round % 2 == 0 ? 1024 : 64)] = (byte)random.Next(256);
                }

                File.WriteAllBytes(file, bytes);
                using ElfSymbols symbols = ElfSymbols.Open(file);
                _ = symbols.FindOffset("main");
                _ = symbols.FunctionAt((ulong)random.Next(70_000));
            }

            File.WriteAllText(file, "text");
            Assert.Throws<InvalidDataException>(() => ElfSymbols.Open(file));
        }
        finally
        {
            File.Delete(file);
        }
    }
}
