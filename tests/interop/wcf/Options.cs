// SPDX-License-Identifier: MIT
// The command line of client and service.
using System.Net.Security;

namespace Nns.Interop.Wcf;

internal sealed class Options
{
    public string Uri { get; private set; } = "";
    public bool Secure { get; private set; }
    public ProtectionLevel Level { get; private set; } = ProtectionLevel.EncryptAndSign;
    public string Spn { get; private set; } = "host/localhost";
    public string? User { get; private set; }
    public string Password { get; private set; } = "";
    public string Domain { get; private set; } = "";
    public bool Streamed { get; private set; }
    public int Bytes { get; private set; } = 1;
    public string? Text { get; private set; }
    public int Calls { get; private set; } = 1;
    public int Clients { get; private set; } = 1;
    public int Channels { get; private set; } = 1;
    public int? SocketBuffer { get; private set; }
    public int Port { get; private set; }
    public string Path { get; private set; } = "/echo";
    public string? Refuse { get; private set; }

    public static Options Parse(string[] args)
    {
        var options = new Options();
        if (args.Length % 2 != 0)
            throw new ArgumentException($"{args[^1]}: a value is missing");
        for (int i = 0; i < args.Length; i += 2)
            options.Set(args[i], args[i + 1]);
        return options;
    }

    private void Set(string name, string value)
    {
        switch (name)
        {
            case "--uri": Uri = value; break;
            case "--security": Secure = Choose(value, ("windows", true), ("none", false)); break;
            case "--level":
                Level = Choose(value, ("encrypt", ProtectionLevel.EncryptAndSign),
                    ("sign", ProtectionLevel.Sign), ("none", ProtectionLevel.None));
                break;
            case "--spn": Spn = value; break;
            case "--user": User = value; break;
            case "--password": Password = value; break;
            case "--domain": Domain = value; break;
            case "--mode": Streamed = Choose(value, ("buffered", false), ("streamed", true)); break;
            case "--bytes": Bytes = int.Parse(value); break;
            case "--text": Text = value; break;
            case "--calls": Calls = int.Parse(value); break;
            case "--clients": Clients = int.Parse(value); break;
            case "--channels": Channels = int.Parse(value); break;
            case "--socket-buffer": SocketBuffer = int.Parse(value); break;
            case "--port": Port = int.Parse(value); break;
            case "--path": Path = value; break;
            case "--refuse": Refuse = value; break;
            default: throw new ArgumentException($"{name}: no such option");
        }
    }

    private static T Choose<T>(string value, params (string Name, T Value)[] choices)
    {
        foreach ((string name, T choice) in choices)
        {
            if (name == value)
                return choice;
        }
        throw new ArgumentException($"{value}: not understood");
    }
}
