// SPDX-License-Identifier: MIT
// The simplest NegotiateStream server there is: every default of .NET left alone.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Nns.Interop;

internal static class EchoServer
{
    public static int Run(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        Console.WriteLine($"listening on {listener.LocalEndpoint}");

        using var client = listener.AcceptTcpClient();
        using var stream = new NegotiateStream(client.GetStream());
        stream.AuthenticateAsServer();
        Console.WriteLine($"{stream.RemoteIdentity.Name} authenticated using {stream.RemoteIdentity.AuthenticationType}");

        var buffer = new byte[4096];
        for (int i = 0; i < 4; i++)
        {
            int length = stream.Read(buffer, 0, buffer.Length);
            if (length == 0)
                break;
            stream.Write(buffer, 0, length);
        }
        return 0;
    }
}
