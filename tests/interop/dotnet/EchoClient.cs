// SPDX-License-Identifier: MIT
// The simplest NegotiateStream client: three lines out, and what comes back.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Nns.Interop;

internal static class EchoClient
{
    public static int Run(int port, string target)
    {
        using var client = new TcpClient();
        client.Connect(IPAddress.Loopback, port);
        using var stream = new NegotiateStream(client.GetStream());
        stream.AuthenticateAsClient((NetworkCredential)CredentialCache.DefaultCredentials, target);

        foreach (string line in new[] { "first line\n", "second line\n", "third line\n" })
        {
            byte[] message = Encoding.UTF8.GetBytes(line);
            stream.Write(message);
            stream.ReadExactly(message);
            Console.Write(Encoding.UTF8.GetString(message));
        }
        return 0;
    }
}
