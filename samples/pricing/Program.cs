using Osmia.Samples.Pricing;
using Osmia.Vm.Hooks;

if (args is ["--header"])
{
    // What the rules include.
    Console.Write(HookHeader.Write(Shop.DefineRules(Console.Out)));
}
else
{
    Shop.Run(Path.Combine(AppContext.BaseDirectory, "pricing.rules.o"), Console.Out);
}
