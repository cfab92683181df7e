using System.Runtime.Versioning;
using Osmia.Runtime;
using Osmia.Tests.Contracts;

namespace Osmia.Tests.Kernel;

/// <summary>The contract of maps, held by the kernel.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public sealed class KernelMapContractTests : MapContract
{
    protected override IEngine OpenEngine() => KernelTest.OpenOrSkip();
}
