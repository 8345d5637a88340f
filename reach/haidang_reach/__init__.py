"""How a site of the web is reached, and what it tells: for the agent in the school and for the centre alike.

`exchange` asks one page and says which part is at fault; `feed`, `page`, `content` and `news` read what it holds;
`mail` looks up a mail domain. It knows neither agent nor collector. All that comes from the network is bounded.
"""
