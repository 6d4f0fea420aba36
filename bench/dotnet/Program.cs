// SPDX-License-Identifier: MIT
// What bench/peer.c and bench/idle.c do, with two NegotiateStreams of the real .NET: asynchronous
// calls, TCP_NODELAY on both sides. Each mode stands in its own file.
using System.Runtime.InteropServices;
using Nns.Bench;

const string Usage = """
    usage: bench server            serves the phases of bench/exchange.h
           bench client PORT       does what the lines of standard input say, as bench/peer.c
           bench idle              sends everything back; each line of input asks for the memory
           bench nagle             sends everything back, and leaves Nagle's algorithm on
           bench sink              one connection, to standard output
           bench source PORT       standard input, to a connection
           bench about             which .NET this is
    """;

switch (args)
{
    case ["server"]:
        return await Server.RunAsync(Exchange.ServeAsync);
    case ["nagle"]:
        return await Server.RunAsync(Idle.SendBackAsync, noDelay: false);
    case ["client", var port]:
        return await Client.RunAsync(int.Parse(port));
    case ["idle"]:
        return await Idle.RunAsync();
    case ["sink"]:
        return await Pipe.SinkAsync();
    case ["source", var port]:
        return await Pipe.SourceAsync(int.Parse(port));
    case ["about"]:
        Link.Print(new { framework = RuntimeInformation.FrameworkDescription });
        return 0;
}
Console.Error.WriteLine(Usage);
return 2;
