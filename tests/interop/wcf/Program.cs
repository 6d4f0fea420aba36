// SPDX-License-Identifier: MIT
// One program: WCF's own client, two services for it, and what WCF's binary encoder writes.
using System.Reflection;
using System.Runtime.InteropServices;
using System.ServiceModel;
using Nns.Interop;
using Nns.Interop.Wcf;

const string Usage = """
    usage: wcf client --uri URI [OPTION]...     calls the service, and says what became of it
           wcf service [OPTION]...              serves without security, or behind NegotiateStream
           wcf vectors                          documents, in WCF's binary form and as text
           wcf dictionary                       the static dictionary
           wcf about                            which WCF this is, on which .NET
    client options:
           --security windows|none              (default none)
           --level encrypt|sign|none            (default encrypt)
           --spn NAME                           the service's name (default host/localhost)
           --user NAME --password TEXT --domain NAME
           --mode buffered|streamed             (default buffered)
           --bytes N                            how much to send and get back in a call (default 1)
           --text TEXT                          call Say with a text instead
           --calls N                            each client's, on one channel (default 1)
           --clients N                          at once (default 1)
           --channels N                         each client's, one after another (default 1)
           --socket-buffer N                    instead of WCF's 8192 bytes
    service options:
           --security windows|none              (default none)
           --level encrypt|sign|none            the least (default encrypt)
           --port PORT
           --path PATH                          the endpoint's (default /echo)
           --refuse NAME                        answer the upgrade with this fault
    """;

try
{
    switch (args)
    {
        case ["client", ..]:
            return await EchoClient.RunAsync(Options.Parse(args[1..]));
        case ["service", ..]:
            return await EchoService.RunAsync(Options.Parse(args[1..]));
        case ["vectors"]:
            return Vectors.Print();
        case ["dictionary"]:
            return Vectors.PrintDictionary();
        case ["about"]:
            Events.Print(new
            {
                framework = $"WCF {Version()} on {RuntimeInformation.FrameworkDescription}",
                rid = RuntimeInformation.RuntimeIdentifier,
            });
            return 0;
    }
}
catch (Exception wrong) when (wrong is ArgumentException or FormatException)
{
    Console.Error.WriteLine($"wcf: {wrong.Message}");
}
Console.Error.WriteLine(Usage);
return 2;

static string Version() => typeof(ChannelFactory).Assembly
    .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
