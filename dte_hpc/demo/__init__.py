"""The demonstration: the whole engine at work on a flow whose every value is known.

`model` carries tracers round the sphere on the model ranks and streams them; `plan` says what the IO
ranks make of them; `queries` are put to the extraction ranks; `check` holds every extracted value
against `solid_body`, the closed form; `pictures` draws the answers. ``dte demo`` runs it.

Restrictions: pictures need matplotlib (``dte-hpc[plot]``), new weights MIR (``dte-hpc[weights]``).
"""
