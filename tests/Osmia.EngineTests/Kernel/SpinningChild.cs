using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Osmia.Tests.Kernel;

/// <summary>This test program once more, as a process that only calls methods in turn until its standard input ends: a .NET program to look into.</summary>
internal sealed class SpinningChild : IDisposable
{
    private const string Variable = "OSMIA_TEST_SPIN";

    // A child that nobody ends does so itself.
    private const int LongestSeconds = 60;

    private readonly Process _process;

    public SpinningChild(params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(SpinningChild).Assembly.Location);
        }

        start.Environment[Variable] = "1";
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        Assert.Equal("spinning", _process.StandardOutput.ReadLine());
    }

    public int Pid => _process.Id;

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
        {
            _process.Kill();
            _process.WaitForExit();
        }

        File.Delete(string.Create(CultureInfo.InvariantCulture, $"/tmp/perf-{_process.Id}.map"));
        File.Delete(string.Create(CultureInfo.InvariantCulture, $"/tmp/perfinfo-{_process.Id}.map"));
        _process.Dispose();
    }

    /// <summary>Before anything else of the test program runs.</summary>
#pragma warning disable CA2255 // The program is also the child, which must not become a test run.
    [ModuleInitializer]
#pragma warning restore CA2255
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void SpinWhenTold()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null)
        {
            return;
        }

        bool isOver = false;
        new Thread(() =>
        {
            Console.In.ReadToEnd();
            Volatile.Write(ref isOver, true);
        })
        { IsBackground = true }.Start();
        Console.WriteLine("spinning");
        var clock = Stopwatch.StartNew();
        double sum = 0;
        while (!Volatile.Read(ref isOver) && clock.Elapsed.TotalSeconds < LongestSeconds)
        {
            sum += OuterOfTheSpin(1000);
        }

        Environment.Exit(double.IsNaN(sum) ? 1 : 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static double OuterOfTheSpin(int count)
    {
        double sum = InnerOfTheSpin(count);
        return sum + 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static double InnerOfTheSpin(int count)
    {
        double sum = 0;
        for (int i = 1; i < count; i++)
        {
            sum += 1.0 / i;
        }

        return sum;
    }
}
