namespace Osmia.Vm;

/// <summary>The ids of everything this engine refuses; each has a page in docs/diagnostics.</summary>
internal static class DiagnosticIds
{
    public const string BadInstruction = "OSM6001";
    public const string BadControlFlow = "OSM6002";
    public const string MissingHelper = "OSM6003";
    public const string KfuncCall = "OSM6004";
    public const string Unresolved = "OSM6005";
    public const string MissingMapType = "OSM6006";
    public const string BadMapDefinition = "OSM6007";
    public const string MissingProgramType = "OSM6008";
    public const string CannotAttach = "OSM6009";
    public const string HelperNotForType = "OSM6010";
    public const string BadMapSlot = "OSM6011";
    public const string WrongHook = "OSM6012";
    public const string NoPacketProgram = "OSM6013";
    public const string MapOperation = "OSM6020";
    public const string MapHasNoRecords = "OSM6021";
    public const string SharedMap = "OSM6022";

    public const string BadAccess = "OSM6100";
    public const string ReadOnlyWrite = "OSM6101";
    public const string BadContextAccess = "OSM6102";
    public const string BadHelperArgument = "OSM6103";
    public const string BudgetExhausted = "OSM6104";
    public const string StackDepth = "OSM6105";
    public const string Misaligned = "OSM6106";
    public const string NotReleased = "OSM6107";
    public const string ReachedUnresolved = "OSM6108";
    public const string HostFault = "OSM6109";
    public const string Cancelled = "OSM6110";
}
