using Osmia.Samples.DotnetEvents;
using Osmia.Vm.Hooks;

switch (args)
{
    // What the programs include.
    case ["--header", "request"]:
        Console.Write(HookHeader.Write(Watcher.Requests));
        break;
    case ["--header", "thrown"]:
        Console.Write(HookHeader.Write(Watcher.Exceptions));
        break;
    default:
        Watcher.Run(Path.Combine(AppContext.BaseDirectory, "dotnet-events.rules.o"), Console.Out);
        break;
}
