// SPDX-License-Identifier: MIT
// One program, six peers. What each does stands in its own file.
using System.Globalization;
using System.Runtime.InteropServices;
using Nns.Interop;

const string Usage = """
    usage: peer echo-server [PORT]
           peer echo-client PORT TARGET
           peer server [--port PORT] [--connections N] [SESSION OPTION]...
           peer client --port PORT --target NAME [--connections N] [SESSION OPTION]...
           peer handshake-server CLIENTS
           peer handshake-client PORT TARGET SECONDS CLIENTS    a turn for each line of input
           peer about                    which .NET this is
    session options:
           --level encrypt|sign|none     asked for, and the least accepted (default encrypt)
           --impersonation identification|impersonation|delegation (default identification)
           --mode echo|send|duplex|digest (default echo)
           --bytes N                     how much send and duplex write (default 0)
           --write-size N                how much of it per Write (default 65536)
           --binding TEXT                bind the handshake to a channel that has these bytes
           --nodelay                     set TCP_NODELAY (.NET's default leaves Nagle's algorithm on)
    """;

try
{
    switch (args)
    {
        case ["echo-server"]:
            return EchoServer.Run(0);
        case ["echo-server", var port]:
            return EchoServer.Run(int.Parse(port));
        case ["echo-client", var port, var target]:
            return EchoClient.Run(int.Parse(port), target);
        case ["about"]:
            Events.Print(new { framework = RuntimeInformation.FrameworkDescription, rid = RuntimeInformation.RuntimeIdentifier });
            return 0;
        case ["handshake-server", var clients]:
            return await Handshakes.ServeAsync(int.Parse(clients));
        case ["handshake-client", var port, var target, var seconds, var clients]:
            return await Handshakes.ConnectAsync(
                int.Parse(port), target, double.Parse(seconds, CultureInfo.InvariantCulture), int.Parse(clients));
        case ["server", ..]:
            return await PeerServer.RunAsync(PeerOptions.Parse(args[1..]));
        case ["client", ..]:
            return await PeerClient.RunAsync(PeerOptions.Parse(args[1..]));
    }
}
catch (Exception wrong) when (wrong is ArgumentException or FormatException)
{
    Console.Error.WriteLine($"peer: {wrong.Message}");
}
Console.Error.WriteLine(Usage);
return 2;
